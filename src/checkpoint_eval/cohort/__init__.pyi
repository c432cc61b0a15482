from .published import load_rossi

__all__ = ["load_rossi"]
