import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ocr_pipeline.registration.page_map import Mesh, PageMap, project
from ocr_pipeline.values import Floats

SIZE = (600.0, 900.0)

finite = st.floats(-1500, 1500)
points: st.SearchStrategy[Floats] = st.lists(st.tuples(finite, finite), min_size=1, max_size=20).map(
    lambda rows: np.array(rows, np.float64)
)
inside: st.SearchStrategy[Floats] = st.lists(
    st.tuples(st.floats(0, SIZE[0]), st.floats(0, SIZE[1])), min_size=1, max_size=20
).map(lambda rows: np.array(rows, np.float64))
entries = st.lists(st.floats(-0.2, 0.2), min_size=4, max_size=4)


@st.composite
def homographies(draw: st.DrawFn) -> Floats:
    """Views of a page as a camera could have them: any scale and place, tilted moderately."""
    a, b, c, d = draw(entries)
    tilt = draw(st.tuples(st.floats(-2e-4, 2e-4), st.floats(-2e-4, 2e-4)))
    scale = draw(st.floats(0.3, 6))
    shift = draw(st.tuples(st.floats(-300, 300), st.floats(-300, 300)))
    return np.array([[scale * (1 + a), scale * b, shift[0]], [scale * c, scale * (1 + d), shift[1]], [*tilt, 1.0]])


@st.composite
def meshes(draw: st.DrawFn) -> Mesh:
    rows, columns = draw(st.integers(2, 9)), draw(st.integers(2, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return Mesh(SIZE, rng.uniform(-15, 15, (rows, columns, 2)))


@given(points)
def test_the_identity_moves_nothing(where: Floats) -> None:
    assert np.allclose(project(np.eye(3), where), where)
    assert np.allclose(Mesh.flat(SIZE, 14, 7).displace(where), where)


@given(homographies(), inside)
def test_there_and_back_is_where_one_started(homography: Floats, where: Floats) -> None:
    inverse: Floats = np.asarray(np.linalg.inv(homography), np.float64)
    back = project(inverse, project(homography, where))
    assert np.allclose(back, where, atol=1e-6)


@given(homographies(), homographies(), inside)
def test_one_after_the_other_is_their_product(first: Floats, second: Floats, where: Floats) -> None:
    # Photo px are far larger than page mm: shrunk, so that the second view stays a possible one.
    shrunk: Floats = np.asarray(second @ np.diag([1e-3, 1e-3, 1.0]), np.float64)
    both: Floats = np.asarray(shrunk @ first, np.float64)
    assert np.allclose(project(shrunk, project(first, where)), project(both, where), rtol=1e-6, atol=1e-6)


@given(homographies(), st.floats(0.1, 50))
def test_a_homography_has_no_scale_of_its_own(homography: Floats, factor: float) -> None:
    where = np.array([[0.0, 0.0], [300.0, 450.0], [600.0, 900.0]])
    assert np.allclose(project(homography * factor, where), project(homography, where))


@given(meshes(), points)
def test_weights_are_shares_of_the_four_nodes_around(mesh: Mesh, where: Floats) -> None:
    nodes, weights = mesh.weights(where)
    assert np.allclose(weights.sum(1), 1)
    assert weights.min() >= 0
    assert nodes.min() >= 0
    assert nodes.max() < mesh.shift_mm.shape[0] * mesh.shift_mm.shape[1]
    assert all(len(set(row)) == 4 for row in nodes.tolist())


@given(meshes())
def test_a_node_is_moved_by_its_own_displacement(mesh: Mesh) -> None:
    rows, columns, _ = mesh.shift_mm.shape
    x, y = np.meshgrid(np.linspace(0, SIZE[0], columns), np.linspace(0, SIZE[1], rows))
    nodes = np.c_[x.ravel(), y.ravel()]
    assert np.allclose(mesh.displace(nodes) - nodes, mesh.shift_mm.reshape(-1, 2), atol=1e-5)


@given(st.lists(st.floats(-10, 10), min_size=8, max_size=8), inside)
def test_a_bilinear_bend_is_followed_exactly(factors: list[float], where: Floats) -> None:
    """What is linear along both axes must come back without error anywhere, not only at the nodes."""
    terms = np.array(factors).reshape(4, 2)

    def bend(p: Floats) -> Floats:
        u, v = p[:, 0] / SIZE[0], p[:, 1] / SIZE[1]
        return np.asarray(np.stack([np.ones_like(u), u, v, u * v], axis=1) @ terms)

    x, y = np.meshgrid(np.linspace(0, SIZE[0], 4), np.linspace(0, SIZE[1], 6))
    mesh = Mesh(SIZE, bend(np.c_[x.ravel(), y.ravel()]).reshape(6, 4, 2))
    assert np.allclose(mesh.displace(where), where + bend(where), atol=1e-5)


@given(meshes(), points)
def test_outside_the_page_the_edge_goes_on(mesh: Mesh, where: Floats) -> None:
    at_edge = np.clip(where, 0, SIZE)
    assert np.allclose(mesh.displace(where) - where, mesh.displace(at_edge) - at_edge, atol=1e-5)


@given(meshes(), points)
def test_no_point_moves_further_than_the_furthest_node(mesh: Mesh, where: Floats) -> None:
    moved = np.hypot(*(mesh.displace(where) - where).T)
    assert moved.max() <= np.hypot(*np.moveaxis(mesh.shift_mm, 2, 0)).max() + 1e-9


@given(homographies(), meshes(), inside)
def test_a_page_map_bends_in_millimetres_and_then_projects(homography: Floats, mesh: Mesh, where: Floats) -> None:
    page_map = PageMap(homography, mesh)
    assert np.allclose(page_map.to_photo(where), project(homography, mesh.displace(where)))
    assert np.allclose(page_map.to_photo(where[0]), page_map.to_photo(where)[:1])


@given(homographies(), inside)
def test_a_mesh_bent_by_a_homography_moves_as_it_does(homography: Floats, where: Floats) -> None:
    """Between the nodes a bilinear mesh cannot follow a projection exactly: half a millimetre on this page."""
    small = np.eye(3) + (homography / homography[0, 0] - np.eye(3)) * 0.02
    mesh = Mesh.flat(SIZE, 14, 7).bent_by(small)
    assert np.abs(mesh.displace(where) - project(small, where)).max() < 0.5
