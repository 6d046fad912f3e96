"""MPI3D, photographs of everyday objects: 4 colours and 4 shapes."""

from disbench.datasets._mpi3d import mpi3d

dataset = mpi3d("mpi3d_complex", num_colors=4, num_shapes=4, published=None)
