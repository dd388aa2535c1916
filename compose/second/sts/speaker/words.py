"""What is said in place of a segment: made of its bytes, so that no two sound alike and each is the same again. Pure."""

import hashlib

_WORDS = (
    "agua amigo ancho barco blanco bosque brazo calle camino campo carta casa cielo ciudad claro corazón cuerpo dedo dulce "
    "edificio escuela espejo estrella familia fiesta flor frío fuego gato gente grande guitarra hermano hierba hoja huerto "
    "iglesia invierno isla jardín joven lago largo lengua libro limpio luna luz madera madre mano manzana mapa mañana mesa "
    "montaña mundo música naranja negro nieve noche nube ojo oreja otoño padre palabra papel pared pequeño perro piedra "
    "playa plaza pueblo puente puerta queso rápido reloj río rojo sábado sombra sueño tarde teatro techo tierra tiempo "
    "trabajo tren valle ventana verano verde viaje viento vino zapato"
).split()


def text_for(index: int, data: bytes, words: int) -> str:
    """A sentence with the segment's number and `words` words that its bytes choose."""
    digest = hashlib.sha256(index.to_bytes(4, "big") + data).digest()
    chosen = [_WORDS[(digest[i % 32] + 7 * i) % len(_WORDS)] for i in range(words)]
    return f"Parte {index + 1}: {', '.join(chosen)}."
