"""Who comes in, and what weft has running beside the kernel. Each may be taken away without the others noticing."""
