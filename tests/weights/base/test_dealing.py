"""Names are dealt out to parts by themselves, not by their order."""

from __future__ import annotations

from weights.base.dealing import deal_out, name_fraction, person_of

SHARES = {"val": 0.1, "train": 0.9, "test": 0.0}


def test_a_name_s_part_is_its_number_s() -> None:
    names = [str(number) for number in range(500)]
    dealt = deal_out(names, SHARES, seed=4, salt="x:")
    assert dealt == {
        name: "val" if name_fraction(4, f"x:{name}") < 0.1 else "train" for name in names
    }
    assert deal_out(reversed(names), SHARES, seed=4, salt="x:") == dealt
    assert deal_out(names, SHARES, seed=5, salt="x:") != dealt


def test_small_sets_have_every_part_and_none_of_no_share() -> None:
    for count in (2, 3, 8):
        dealt = deal_out(map(str, range(count)), SHARES, seed=0)
        assert set(dealt.values()) == {"train", "val"} and len(dealt) == count
    assert len(deal_out(["one"], SHARES, seed=0)) == 1
    assert deal_out([], SHARES, seed=0) == {} and deal_out(["one"], {}, seed=0) == {}


def test_who_it_is() -> None:
    assert person_of({"person": 7, "group": "b"}) == "7"
    assert person_of({"group": "b"}) == "b" and person_of({}) is None
