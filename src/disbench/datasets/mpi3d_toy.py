"""MPI3D, simplistic renders."""

from disbench.datasets._dataset import PixelStatistics
from disbench.datasets._mpi3d import mpi3d

dataset = mpi3d(
    "mpi3d_toy",
    num_colors=6,
    num_shapes=6,
    # Two means are in circulation, up to 0.003 apart; channels in another order would be off by more than 0.005.
    published=PixelStatistics(
        mean=(0.2243733, 0.2214188, 0.2262546), std=(0.0690014, 0.0634339, 0.0760752), tolerance=0.005
    ),
)
