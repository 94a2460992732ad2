"""One person's reference photos for a whole clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipeline.face import Face
from pipeline.references.faces import check_any_fit
from pipeline.references.filling import ReferenceFilling, check_single_face
from weights.base.contracts import Image
from weights.base.errors import InputError


class ClipReferences:
    """Fills the masked face of each frame from reference photos, if one fits.

    If none fits, because the head is turned away or there is a second masked face, the frame is
    filled by a guess instead of failing the clip.

    Args:
        filling: fills single faces.
        photos: of the person, uint8 RGB each.

    Attributes:
        reason: why the first guessed face was guessed; "" if there was none.

    Raises:
        UnfitReferenceError: no photo is usable for any face.
    """

    def __init__(self, filling: ReferenceFilling, photos: Sequence[Image]) -> None:
        self._filling = filling
        self._faces = filling.faces_of(photos)
        check_any_fit(self._faces)
        self.reason = ""

    def fill(
        self, frame: Image, faces: Sequence[Face], fills: Sequence[Image]
    ) -> tuple[list[Image], int]:
        """Put the reference's face into the filled crop of the frame's face.

        Args:
            frame: uint8 RGB `(H, W, 3)`.
            faces: the masked faces in it.
            fills: the crop of each as the inpainter filled it, uint8 RGB `(side, side, 3)`.

        Returns:
            The new crops, and how many faces are from a reference: 1 or 0.
        """
        try:
            check_single_face(len(faces))
            # Whether the face is visible is judged in each frame alone.
            alone = replace(faces[0], landmarks=None)
            chosen = self._filling.choose(frame, alone, self._faces)
            return [chosen.paste(frame, faces[0], fills[0])], 1
        except InputError as reason:
            self.reason = self.reason or str(reason)
            return list(fills), 0
