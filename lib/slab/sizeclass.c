// SPDX-License-Identifier: MIT
/*
 * The table of size classes: multiples of 16 up to 512, then eight classes a
 * doubling, so that at most one ninth of an object is wasted above 512 bytes
 * and 15 bytes below.
 *
 * A slab has as few units as waste at most 1.6 % at its end and hold at least
 * eight objects (four above 4 KiB) and at most 512, the bits of its bitmap; but
 * four units at least where the bitmap allows, since the header is 128 bytes.
 * Small slabs empty soon and refill other classes.  A test computes the table
 * anew.
 */
#include "slab/sizeclass.h"

/* ceil(2^64 / size): see size_class_divide(). */
#define ROW(size, units, objs)                                                 \
	{ size, units, objs, UINT64_MAX / (size) + 1 }

const struct size_class size_classes[NR_CLASSES] = {
	ROW(16, 2, 512),
	ROW(32, 4, 512),
	ROW(48, 4, 341),
	ROW(64, 4, 256),
	ROW(80, 4, 204),
	ROW(96, 4, 170),
	ROW(112, 4, 146),
	ROW(128, 4, 128),
	ROW(144, 4, 113),
	ROW(160, 4, 102),
	ROW(176, 4, 93),
	ROW(192, 4, 85),
	ROW(208, 4, 78),
	ROW(224, 4, 73),
	ROW(240, 4, 68),
	ROW(256, 4, 64),
	ROW(272, 4, 60),
	ROW(288, 4, 56),
	ROW(304, 5, 67),
	ROW(320, 4, 51),
	ROW(336, 4, 48),
	ROW(352, 4, 46),
	ROW(368, 4, 44),
	ROW(384, 4, 42),
	ROW(400, 5, 51),
	ROW(416, 4, 39),
	ROW(432, 5, 47),
	ROW(448, 4, 36),
	ROW(464, 4, 35),
	ROW(480, 4, 34),
	ROW(496, 4, 33),
	ROW(512, 4, 32),
	ROW(576, 4, 28),
	ROW(640, 5, 32),
	ROW(704, 4, 23),
	ROW(768, 4, 21),
	ROW(832, 7, 34),
	ROW(896, 4, 18),
	ROW(960, 4, 17),
	ROW(1024, 4, 16),
	ROW(1152, 4, 14),
	ROW(1280, 5, 16),
	ROW(1408, 8, 23),
	ROW(1536, 6, 16),
	ROW(1664, 7, 17),
	ROW(1792, 4, 9),
	ROW(1920, 8, 17),
	ROW(2048, 4, 8),
	ROW(2304, 8, 14),
	ROW(2560, 5, 8),
	ROW(2816, 9, 13),
	ROW(3072, 6, 8),
	ROW(3328, 9, 11),
	ROW(3584, 7, 8),
	ROW(3840, 15, 16),
	ROW(4096, 8, 8),
	ROW(4608, 8, 7),
	ROW(5120, 5, 4),
	ROW(5632, 11, 8),
	ROW(6144, 6, 4),
	ROW(6656, 13, 8),
	ROW(7168, 7, 4),
	ROW(7680, 15, 8),
	ROW(8192, 8, 4),
	ROW(9216, 9, 4),
	ROW(10240, 10, 4),
	ROW(11264, 11, 4),
	ROW(12288, 12, 4),
	ROW(13312, 13, 4),
	ROW(14336, 14, 4),
	ROW(15360, 15, 4),
	ROW(16384, 16, 4),
	ROW(18432, 18, 4),
	ROW(20480, 20, 4),
	ROW(22528, 22, 4),
	ROW(24576, 24, 4),
	ROW(26624, 26, 4),
	ROW(28672, 28, 4),
	ROW(30720, 30, 4),
	ROW(32768, 32, 4),
};
