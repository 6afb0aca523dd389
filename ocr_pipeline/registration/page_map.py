"""From page millimetres to photo pixels: a homography with a small mesh in front of it."""

from dataclasses import dataclass

import numpy as np

from ocr_pipeline.values import Floats


def project(homography: Floats, points: Floats) -> Floats:
    """Applies a homography, shape (3, 3), to points, shape (n, 2)."""
    mapped = np.c_[points, np.ones(len(points))] @ homography.T
    return np.asarray(mapped[:, :2] / mapped[:, 2:3])


@dataclass(frozen=True, slots=True)
class Mesh:
    """Displacements in page mm on a regular grid of nodes, bilinear in between, constant outside.

    Attributes:
        size_mm: width and height of the page; the outer nodes lie on its edges.
        shift_mm: shape (rows, columns, 2), float64: what to add to a page point (x, y) before the homography.
    """

    size_mm: tuple[float, float]
    shift_mm: Floats

    @classmethod
    def flat(cls, size_mm: tuple[float, float], rows: int, columns: int) -> "Mesh":
        """A mesh that moves nothing."""
        return cls(size_mm, np.zeros((rows, columns, 2)))

    def bent_by(self, homography: Floats) -> "Mesh":
        """The mesh that moves each node as the homography, page mm to page mm, does."""
        rows, columns, _ = self.shift_mm.shape
        x, y = np.meshgrid(np.linspace(0, self.size_mm[0], columns), np.linspace(0, self.size_mm[1], rows))
        nodes = np.c_[x.ravel(), y.ravel()]
        return Mesh(self.size_mm, (project(homography, nodes) - nodes).reshape(rows, columns, 2))

    def weights(self, points_mm: Floats) -> tuple[np.ndarray, Floats]:
        """For each point the flat indices of its four nodes, int (n, 4), and their bilinear weights, float64 (n, 4)."""
        rows, columns, _ = self.shift_mm.shape
        u = np.clip(points_mm[:, 0] / self.size_mm[0] * (columns - 1), 0, columns - 1 - 1e-9)
        v = np.clip(points_mm[:, 1] / self.size_mm[1] * (rows - 1), 0, rows - 1 - 1e-9)
        i, j = u.astype(int), v.astype(int)
        fu, fv = u - i, v - j
        first = j * columns + i
        nodes = np.stack([first, first + 1, first + columns, first + columns + 1], axis=1)
        return nodes, np.stack([(1 - fu) * (1 - fv), fu * (1 - fv), (1 - fu) * fv, fu * fv], axis=1)

    def displace(self, points_mm: Floats) -> Floats:
        """Points moved by the mesh, shape (n, 2), page mm."""
        nodes, weights = self.weights(points_mm)
        flat = self.shift_mm.reshape(-1, 2)
        return np.asarray(points_mm + np.einsum("nk,nkd->nd", weights, flat[nodes]))


@dataclass(frozen=True, slots=True)
class PageMap:
    """Where each point of the printed page lies in the photo: ``homography(mesh(point))``, photo px from page mm."""

    homography: Floats
    mesh: Mesh

    def to_photo(self, points_mm: Floats) -> Floats:
        """Photo px of page points; both shape (n, 2), float64."""
        return project(self.homography, self.mesh.displace(np.asarray(points_mm, np.float64).reshape(-1, 2)))
