import base64

import numpy as np

from service.report.pictures import as_jpeg, data_uri, limit_size


def test_only_large_pictures_are_made_smaller() -> None:
    assert limit_size(np.zeros((50, 40, 3), np.uint8), 100).shape == (50, 40, 3)
    assert limit_size(np.zeros((500, 40, 3), np.uint8), 100).shape == (100, 8, 3)


def test_a_data_address_holds_the_jpeg() -> None:
    jpeg = as_jpeg(np.zeros((8, 8, 3), np.uint8))

    head, body = data_uri(jpeg).split(",")
    assert head == "data:image/jpeg;base64"
    assert base64.b64decode(body) == jpeg
    assert jpeg.startswith(b"\xff\xd8")
