"""How the shipped weights were made, and how anyone makes and judges them again. Torch is welcome here."""
