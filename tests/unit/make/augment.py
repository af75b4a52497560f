"""Writes image_augment.inc: pictures as lince_augment.h has them, by scipy, with the random numbers made anew here.

pip install numpy==2.4.6 scipy==1.17.1; python3 augment.py >../image_augment.inc
"""
import textwrap

import numpy as np
from scipy.ndimage import affine_transform

DEFAULT = dict(rotation=0, width_shift=0, height_shift=0, shear=0, zoom=0, horizontal_flip=0, brightness=0, contrast=0,
               crop_area=1, crop_ratio=1)
CASES = [  # h, w, oh, ow, seed, epoch, photo, options
    (5, 5, 5, 5, 1, 0, 0, {}),
    (5, 5, 5, 5, 1, 0, 0, dict(rotation=40)),
    (4, 7, 4, 7, 2, 3, 9, dict(width_shift=0.3)),
    (4, 7, 4, 7, 2, 3, 10, dict(height_shift=0.4)),
    (7, 4, 7, 4, 3, 1, 2, dict(shear=30)),
    (6, 5, 6, 5, 4, 1, 2, dict(zoom=0.5)),
    (3, 6, 3, 6, 5, 0, 1, dict(horizontal_flip=1)),
    (3, 6, 3, 6, 5, 0, 2, dict(horizontal_flip=1)),
    (5, 4, 5, 4, 6, 0, 1, dict(brightness=0.9)),
    (5, 4, 5, 4, 6, 0, 1, dict(contrast=1)),
    (9, 7, 4, 5, 7, 2, 3, dict(crop_area=0.3, crop_ratio=4 / 3)),
    (1, 1, 3, 2, 8, 0, 0, dict(rotation=180, zoom=0.5, crop_area=0.1)),
    (6, 8, 7, 5, 2**63 + 5, 2**40, 2**50, dict(rotation=25, width_shift=0.1, height_shift=0.2, shear=10, zoom=0.2,
                                              horizontal_flip=1, brightness=0.3, contrast=0.4, crop_area=0.5,
                                              crop_ratio=1.5)),
]


def philox(counter, key):
    m = 0xFFFFFFFF
    c = [counter >> s & m for s in (0, 32, 64, 96)]
    k0, k1 = key & m, key >> 32 & m
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [p1 >> 32 ^ c[1] ^ k0, p1 & m, p0 >> 32 ^ c[3] ^ k1, p0 & m]
        k0, k1 = k0 + 0x9E3779B9 & m, k1 + 0xBB67AE85 & m
    return c


def augment(picture, oh, ow, seed, epoch, photo, o):
    h, w, _ = picture.shape
    u = [(word + 0.5) / 2**32 for block in range(4) for word in philox(photo << 64 | 4 * epoch + block, seed)]
    within = lambda i, r: r * (2 * u[i] - 1)
    a, s = np.deg2rad(within(0, o['rotation'])), np.deg2rad(within(3, o['shear']))
    rotate = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    shape = np.array([[1, -np.sin(s)], [0, np.cos(s)]]) @ np.diag([1 + within(4, o['zoom']), 1 + within(5, o['zoom'])])
    shift = np.array([within(1, o['width_shift']) * ow, within(2, o['height_shift']) * oh])
    centre = np.array([ow - 1, oh - 1]) / 2
    flip = np.array([-1.0, 1.0]) if o['horizontal_flip'] and u[6] < 0.5 else np.ones(2)
    area, q = 1 - u[9] * (1 - o['crop_area']), o['crop_ratio'] ** (2 * u[10] - 1)
    part = np.minimum(1, np.sqrt([area * q, area / q]))
    begin = np.array([u[11], u[12]]) * (1 - part) * [w, h]
    scale = part * [w, h] / [ow, oh]
    # A mirrored place is centre + flip * (p - centre); all in (x, y), then turned into rows and columns.
    matrix = np.diag(scale) @ rotate @ shape @ np.diag(flip)
    offset = scale * (centre + rotate @ shift + 0.5) + begin - 0.5 - matrix @ centre
    out = np.stack([affine_transform(picture[..., c], matrix[::-1, ::-1], offset[::-1], (oh, ow), order=1,
                                     mode='nearest') for c in range(3)], -1)
    if o['brightness'] or o['contrast']:
        out = out * (1 + within(7, o['brightness']))
        mean = out.mean((0, 1))
        out = np.clip(mean + (out - mean) * (1 + within(8, o['contrast'])), 0, 1)
    return out


print('/* Made by make/augment.py. */')
for h, w, oh, ow, seed, epoch, photo, options in CASES:
    o = {**DEFAULT, **options}
    y, x, c = np.mgrid[:h, :w, :3]
    got = augment((x * 7 + y * 13 + c * 29) % 17 / 16.0, oh, ow, seed, epoch, photo, o).ravel()
    fields = ', '.join(f'.{k} = {v!r}' for k, v in o.items() if v != DEFAULT[k] or k.startswith('crop'))
    print(f'{{{h}, {w}, {oh}, {ow}, {seed}u, {epoch}, {photo},')
    print(textwrap.fill(f'{{{fields}}},', 116, initial_indent=' ', subsequent_indent='  '))
    print(textwrap.fill(', '.join(f'{v:.7f}f' for v in got), 116, initial_indent=' {', subsequent_indent='  ') + '}},')
