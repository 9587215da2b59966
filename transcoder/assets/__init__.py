"""An asset is a camera or recorder on its pole: what is known of it, who says so, and how far its phase-out is."""
