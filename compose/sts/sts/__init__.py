"""Speech to speech over Socket.IO: recognition, translation and synthesis of live audio fragments."""
