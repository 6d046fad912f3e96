"""MPI3D, realistic renders."""

from disbench.datasets._dataset import PixelStatistics
from disbench.datasets._mpi3d import mpi3d

dataset = mpi3d(
    "mpi3d_realistic",
    num_colors=6,
    num_shapes=6,
    # Two means are in circulation, up to 0.003 apart; channels in another order would be off by more than 0.005.
    published=PixelStatistics(
        mean=(0.1798695, 0.2047468, 0.1814815), std=(0.0874648, 0.0933100, 0.0924223), tolerance=0.005
    ),
)
