"""The interactive figures of the guides: small tools that stand in a text.

Each module holds one figure: its parameters are the controls, its report is the picture, and the numbers come
from the same modules of `nanochat` that the text explains. A page shows one with a fence:

    ```explore
    sampling
    temperature: 1.5
    ```

`web/explore.py` draws it at build, `web/src/explore.ts` brings it to life. Standard library only.
"""
