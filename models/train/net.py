"""The digit net: three stages of 3 x 3 convolutions, 32-64-128, on 40 x 40."""

import torch
from torch import nn

from ocr_pipeline.recognition.digits import CELL_SIDE_PX
from ocr_pipeline.values import CLASSES


class DigitNet(nn.Module):
    """(n, 1, 40, 40) prepared cells -> (n, 13) logits.

    A plain net: nothing deeper was needed at this size, and three poolings keep the place of a stroke (inside the box
    or across its frame) visible to the last layer.
    """

    def __init__(self, widths: tuple[int, int, int] = (32, 64, 128), dropout: float = 0.3) -> None:
        super().__init__()
        first, second, third = widths
        self.features = nn.Sequential(
            *_convolution(1, first),
            *_convolution(first, first),
            nn.MaxPool2d(2),
            *_convolution(first, second),
            *_convolution(second, second),
            nn.MaxPool2d(2),
            *_convolution(second, third),
            *_convolution(third, third),
            nn.MaxPool2d(2),
        )
        self.head = nn.Sequential(
            nn.Flatten(), nn.Dropout(dropout), nn.Linear(third * (CELL_SIDE_PX // 8) ** 2, len(CLASSES))
        )

    def forward(self, cells: torch.Tensor) -> torch.Tensor:
        """Logits of prepared cells."""
        logits: torch.Tensor = self.head(self.features(cells))
        return logits


def _convolution(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
