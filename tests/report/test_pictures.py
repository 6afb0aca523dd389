import base64

import cv2
import numpy as np

from service.report.pictures import CROP_HEIGHT_PX, as_jpeg, crop_number, data_uri, limit_size


def test_a_crop_is_straight_and_has_a_margin() -> None:
    photo = np.full((200, 300, 3), 255, np.uint8)
    corners = np.array([[100, 60], [190, 90], [180, 120], [90, 90]], np.float64)
    cv2.fillConvexPoly(photo, corners.astype(np.int32), (0, 0, 0))

    crop = crop_number(photo, corners)

    height, width = crop.shape[:2]
    assert height == CROP_HEIGHT_PX
    assert width > 2 * height
    dark = crop[:, :, 0] < 128
    margin = round(CROP_HEIGHT_PX * 0.25 / 1.5)
    assert dark[margin + 4 : -margin - 4, margin + 4 : -margin - 4].mean() > 0.97
    assert dark[: margin - 4].mean() < 0.03


def test_a_crop_beyond_the_photo_is_still_a_picture() -> None:
    corners = np.array([[-50, -50], [-10, -50], [-10, -30], [-50, -30]], np.float64)

    assert crop_number(np.full((20, 20, 3), 90, np.uint8), corners).shape[0] == CROP_HEIGHT_PX


def test_only_large_pictures_are_made_smaller() -> None:
    assert limit_size(np.zeros((50, 40, 3), np.uint8), 100).shape == (50, 40, 3)
    assert limit_size(np.zeros((500, 40, 3), np.uint8), 100).shape == (100, 8, 3)


def test_a_data_address_holds_the_jpeg() -> None:
    jpeg = as_jpeg(np.zeros((8, 8, 3), np.uint8))

    head, body = data_uri(jpeg).split(",")
    assert head == "data:image/jpeg;base64"
    assert base64.b64decode(body) == jpeg
    assert jpeg.startswith(b"\xff\xd8")
