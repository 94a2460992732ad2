"""How training pictures are framed and augmented."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How a face is framed, and how its picture, landmarks and reference vary.

    Attributes:
        context: range of the ratio of the crop's side to the hole's extent.
        lift: range of the crop's upward shift, as a fraction of its side.
        rotation: largest rotation, degrees.
        grayscale_probability: probability that a picture is turned grey.
        colour_jitter: largest relative change of brightness, contrast, gamma and colour balance.
        stretch: standard deviation of the relative change of aspect ratio, and twice that of the
            shear, for faces of other proportions.
        side_light: largest relative change of brightness from the centre of a crop to its edge, in
            any direction and slightly different for each colour.
        defocus_probability: probability that a picture is blurred and perhaps noisy, as are photos
            out of focus; without any, networks fill those with made-up texture.
        landmark_share: probability that a network that takes landmarks gets them; 0 for others.
        landmark_spread: how much these are perturbed, see `moved_landmarks`.
        reference_share: probability that a network that takes a reference gets one with its
            landmarks; 0 for others.
        donor_share: probability that the reference is a photo of another person who resembles the
            face; otherwise it imitates another photo of the face, see `other_photo`.
    """

    context: tuple[float, float] = (1.4, 1.8)
    lift: tuple[float, float] = (0.04, 0.16)
    rotation: float = 10.0
    grayscale_probability: float = 0.06
    colour_jitter: float = 0.15
    stretch: float = 0.0
    side_light: float = 0.0
    defocus_probability: float = 0.0
    landmark_share: float = 0.0
    landmark_spread: float = 0.0
    reference_share: float = 0.0
    donor_share: float = 0.0
