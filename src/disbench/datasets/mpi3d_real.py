"""MPI3D, photographs, as published again in 2025."""

from disbench.datasets._dataset import PixelStatistics
from disbench.datasets._mpi3d import mpi3d

dataset = mpi3d(
    "mpi3d_real",
    num_colors=6,
    num_shapes=6,
    # Two means are in circulation, up to 0.003 apart; channels in another order would be off by more than 0.005.
    published=PixelStatistics(
        mean=(0.1284858, 0.1648033, 0.1397158), std=(0.0932921, 0.0920340, 0.1032298), tolerance=0.005
    ),
)
