"""Every rule on its own: it passes, it fails with one whole finding, it says when it cannot look."""
