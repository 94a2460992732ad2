"""Build a data set, train a detector on it and use it: `python -m examples.train_detector`.

With `--faces FOLDER`, a folder of annotated faces (pictures and `faces.jsonl`), it follows a
bundled recipe. Without one it trains for two epochs on a few small scenes made from the astronaut,
which only demonstrates the steps: that detector finds hardly any masks.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from detector import YoloMaskDetector, train_detector
from examples.astronaut import masked_astronaut, write_faces
from pipeline.dataset.builder import build_dataset
from pipeline.dataset.face_source import gather_faces
from pipeline.dataset.settings import DatasetSettings


def main(arguments: list[str] | None = None) -> None:
    """Build, train, and detect the mask on the astronaut's face."""
    parser = argparse.ArgumentParser(prog="python -m examples.train_detector", description=__doc__)
    parser.add_argument("--faces", type=Path, help="folder with faces.jsonl")
    parser.add_argument(
        "--scenes", type=int, default=2000, help="pictures to compose from the faces"
    )
    parser.add_argument("--config", default="auto", help="name or path of a recipe")
    parser.add_argument(
        "--output", type=Path, default=Path("runs/detector"), help="the run's folder"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    options = parser.parse_args(arguments)

    faces, data = options.faces, options.output / "data"
    settings = DatasetSettings(pairs=0, scenes=options.scenes)
    changes = {}
    if faces is None:
        faces = options.output / "faces"
        if not faces.is_dir():
            write_faces(faces, side=160)
        settings = DatasetSettings(pairs=0, scenes=12, scene_size=128)
        changes = {"image_size": 128, "epochs": 2, "batch": 4, "workers": 0}

    found, unusable = gather_faces(faces, data, "annotations")
    summary = build_dataset(found, data, settings, unusable=unusable)
    scenes = ", ".join(f"{count} {part}" for part, count in summary.scenes.items())
    print(
        f"Scenes: {scenes}; masks in them: {summary.labels}; look at {data / 'contact_sheet.jpg'}"
    )

    trained = train_detector(
        data / "detection" / "data.yaml",
        options.output / "training",
        recipe=options.config,
        device=options.device,
        changes=changes,
        plots=False,
    )
    print(f"{trained.epochs} epochs; weights: {trained.weights}")
    for name, value in sorted(trained.metrics.items()):
        print(f"  {name:24} {value:.4f}")

    photo, _ = masked_astronaut()
    detector = YoloMaskDetector(weights=str(trained.weights), device=options.device)
    regions = detector.detect([photo])[0]
    print(f"Masks that it finds on the astronaut, who wears one: {len(regions)}")
    for region in regions:
        print(f"  score {region.score:.2f}, box {tuple(round(side) for side in region.box)}")


if __name__ == "__main__":
    main()
