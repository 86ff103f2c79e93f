"""From sentence pairs or conversations to a translator or a chatbot."""
