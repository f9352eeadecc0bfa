"""Makes C++ of the API's description: openapi_data.py openapi.yaml openapi_data.cc"""

import json
import sys

import yaml

with open(sys.argv[1], encoding="utf-8") as file:
    text = json.dumps(yaml.safe_load(file), ensure_ascii=False, separators=(",", ":"))
assert ')openapi"' not in text
with open(sys.argv[2], "w", encoding="utf-8") as file:
    file.write('// Made from schemas/openapi.yaml.\n#include "vsmgrd/api/openapi.h"\n\nnamespace vs::http {\n\n'
               f'std::string_view openapi_json() {{ return R"openapi({text})openapi"; }}\n\n}}  // namespace vs::http\n')
