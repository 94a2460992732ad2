from dataclasses import dataclass

import pytest

from pipeline.dataset.seeds import item_generator
from pipeline.dataset.split import parse_shares, split_faces, split_names
from weights.base.dealing import PARTS, name_fraction
from weights.base.errors import ConfigurationError, InputError


@dataclass(frozen=True)
class Face:
    name: str
    split: str | None = None
    person: str | None = None


SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}


def test_item_generator_depends_on_seed_and_name_alone() -> None:
    draws = {
        (seed, name): item_generator(seed, name).random(4).tolist()
        for seed in (0, 1)
        for name in ("a", "b")
    }
    assert len({tuple(values) for values in draws.values()}) == 4
    assert item_generator(1, "b").random(4).tolist() == draws[1, "b"]


def test_name_fraction_is_spread_over_the_unit_interval() -> None:
    values = [name_fraction(3, f"face {index}") for index in range(2000)]
    assert 0.0 <= min(values) < 0.01 and 0.99 < max(values) < 1.0
    assert sum(values) / len(values) == pytest.approx(0.5, abs=0.02)


def test_parse_shares_sums_to_one() -> None:
    assert parse_shares("train=8, val=1,test=1") == pytest.approx(SHARES)
    assert parse_shares("train=3") == {"train": 1.0, "val": 0.0, "test": 0.0}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("train=0.9,validation=0.1", ConfigurationError),
        ("train=much", InputError),
        ("train=-1,val=2", InputError),
        ("train=0", InputError),
        ("train=nan", InputError),
        ("", ConfigurationError),
    ],
)
def test_parse_shares_refuses(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_shares(text)


def test_split_names_keeps_to_the_shares_and_ignores_order() -> None:
    names = [f"face_{index}.jpg" for index in range(1000)]
    parts = split_names(names, SHARES, seed=5)
    counts = {part: sum(value == part for value in parts.values()) for part in PARTS}
    assert counts == pytest.approx({"train": 800, "val": 100, "test": 100}, abs=30)
    assert sum(counts.values()) == 1000
    assert split_names(names[::-1], SHARES, seed=5) == parts
    assert split_names(names, SHARES, seed=6) != parts


@pytest.mark.parametrize("count", [3, 4, 10])
def test_small_sets_have_every_part(count: int) -> None:
    parts = split_names([str(index) for index in range(count)], SHARES, seed=0)
    assert set(parts.values()) == set(PARTS)
    assert len(parts) == count


def test_one_file_never_belongs_to_two_parts() -> None:
    faces = [Face(f"{index % 50}.jpg") for index in range(200)]
    parts = split_faces(faces, SHARES, seed=1)
    assert set(parts) == {f"{index}.jpg" for index in range(50)}


def test_annotated_split_is_kept_and_test_is_taken_from_val() -> None:
    faces = [Face(f"t{index}", "train") for index in range(90)]
    faces += [Face(f"v{index}", "val") for index in range(40)]
    parts = split_faces(faces, SHARES, seed=1)
    assert all(parts[f"t{index}"] == "train" for index in range(90))
    held_out = [parts[f"v{index}"] for index in range(40)]
    assert held_out.count("val") == pytest.approx(20, abs=8)
    assert set(held_out) == {"val", "test"}


def test_further_names_move_none() -> None:
    few = split_names([str(index) for index in range(200)], SHARES, seed=2)
    many = split_names([str(index) for index in range(300)], SHARES, seed=2)
    assert {name: many[name] for name in few} == few


def test_pictures_of_one_person_are_in_one_part() -> None:
    faces = [Face(f"{index}.jpg", person=f"person {index % 40}") for index in range(200)]
    parts = split_faces(faces, SHARES, seed=1)
    assert len({(face.person, parts[face.name]) for face in faces}) == 40
    assert set(parts.values()) == set(PARTS)
    with pytest.raises(InputError, match="a person belongs to one part"):
        split_faces([Face("a", "val", "x"), Face("b", "train", "x")], SHARES, seed=1)


def test_annotated_val_stays_whole_without_a_share_for_test() -> None:
    faces = [Face("a", "train"), Face("b", "val"), Face("c", "val")]
    parts = split_faces(faces, {"train": 0.9, "val": 0.1, "test": 0.0}, seed=1)
    assert parts == {"a": "train", "b": "val", "c": "val"}
