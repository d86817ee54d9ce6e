schema = "triune.signature/1"
key = "95cf1e5c289358b5"
algorithm = "ed25519"
signature = "fKTIHcuePIonWhlMCXvsAVqdCY3uc7q4B/kaI+Ks0z49VSWdsLSJ8kv9++rIC4P9fCB514h/c+jBQkt68fIBAw=="
