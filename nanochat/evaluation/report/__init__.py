"""The report card of a run: one page that says what it is, how good it is, and how to make it again.

    reading      a run's folder, and those of the stages before it, into one `Report`
    summary, scores, curves, samples, settings, weaknesses    what is said of it
    contents     all of that in its order, as blocks that know nothing of Markdown or HTML
    markdown     the blocks as `report.md`, or as the body of a page of the site
    html         the blocks as one HTML file that needs nothing else

Standard library only.
"""
