"""Office files without the time they were written: the same bytes for the same content."""

import io
import re
import zipfile

# The first moment that an entry of a zip can bear, and how the properties of a document write it.
MOMENT = (1980, 1, 1, 0, 0, 0)
WRITTEN = rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*(<)"
PROPERTIES = "docProps/core.xml"


def undated(content: bytes) -> bytes:
    """Return a .docx or .xlsx whose entries and properties all bear the same moment."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            held = old.read(name)
            if name == PROPERTIES:
                held = re.sub(WRITTEN, rb"\g<1>1980-01-01T00:00:00Z\g<2>", held)
            entry = zipfile.ZipInfo(name, date_time=MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, held)
    return made.getvalue()
