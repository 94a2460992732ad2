from __future__ import annotations

import pytest

from weights.catalog.group_figures import group_table, lowest_sentence, read_groups


def figures(cases, psnr, reach=0.3):
    low, high = psnr - reach, psnr + reach
    return {
        "cases": cases,
        "psnr_hole": psnr,
        "psnr_hole_low": low,
        "psnr_hole_high": high,
        "ssim_hole": 0.6,
    }


def measurement(**genders):
    return {"cases": 200, "psnr_hole": 19.0, "groups": {"gender": genders}}


def test_groups_are_beside_the_mean_of_all_faces_with_a_label():
    groups = read_groups(measurement(Female=figures(30, 20.0), Male=figures(10, 18.0)))
    assert [group.mean for group in groups] == [19.5, 19.5]
    assert [group.under for group in groups] == [-0.5, 1.5]
    assert (groups[0].low, groups[0].high) == (19.7, 20.3)


@pytest.mark.parametrize("nothing", [3.5, {}, {"cases": 3}, {"groups": {}}])
def test_measurements_without_groups_have_none(nothing):
    assert read_groups(nothing) == []


def test_the_lowest_group_is_said_in_one_sentence():
    text = lowest_sentence(read_groups(measurement(A=figures(30, 20.0), B=figures(30, 19.0))))
    assert "is gender B: 19.00 dB on 30 faces, 0.50 dB below the 19.50 dB of the 60 faces" in text
    assert text.endswith("No group is more than 1.5 dB below the mean.")


def test_a_group_far_under_the_mean_is_named():
    text = lowest_sentence(read_groups(measurement(A=figures(30, 22.0), B=figures(30, 18.0))))
    assert text.endswith("More than 1.5 dB below the mean: gender B.")


def test_groups_whose_interval_reaches_further_down_are_unsure():
    groups = read_groups(measurement(A=figures(30, 20.0), B=figures(30, 18.0, reach=1.0)))
    text = lowest_sentence(groups)
    assert "No group is more" in text
    assert text.endswith("Too few faces to be certain: gender B.")


def test_small_groups_are_shown_by_their_count_and_not_judged():
    groups = read_groups(measurement(A=figures(30, 20.0), Some_One=figures(9, 10.0)))
    assert group_table(groups)[1][1] == ("gender Some One", "9", "too few to say", "-", "-")
    assert "is gender A" in lowest_sentence(groups)
    assert "No group has 10 faces" in lowest_sentence(groups[1:])
    assert group_table(groups)[1][0] == (
        "gender A",
        "30",
        "20.00 (19.70 to 20.30)",
        "+2.31",
        "0.600",
    )


def test_realism_has_a_column_where_it_was_measured():
    far = {"realism_distance": 2.5, "realism_distance_low": 2.0, "realism_distance_high": 3.0}
    groups = read_groups(measurement(A={**figures(30, 20.0), **far}, B=figures(12, 19.0)))
    heading, rows = group_table(groups)
    assert heading[2] == "realism distance" and all(len(row) == len(heading) for row in rows)
    assert [row[2] for row in rows] == ["2.50 (2.00 to 3.00)", "-"]
    assert "realism distance" not in group_table(groups[1:])[0]
