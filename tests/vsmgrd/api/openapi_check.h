// Holds answers against schemas/openapi.yaml: status, headers, content type and body.
//
// Thread-safe once made.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "vsmgrd/api/http.h"

namespace vs::http {

class OpenApiCheck {
 public:
  static const OpenApiCheck& shared();

  [[nodiscard]] const nlohmann::json& document() const { return document_; }

  // What is not as the document says of this answer; empty when all of it is.
  [[nodiscard]] std::string faults(const std::string& method, const std::string& target,
                                   const Response& response) const;
  // Empty when `value` is of the named schema's form, otherwise everything that is not.
  [[nodiscard]] std::string faults(const std::string& schema_name, const nlohmann::json& value) const;

  // What `node` stands for when it is a reference; else itself.
  [[nodiscard]] const nlohmann::json& resolved(const nlohmann::json& node) const;

 private:
  OpenApiCheck();
  // The template and the operation; null when the document has none.
  [[nodiscard]] std::pair<const nlohmann::json*, const nlohmann::json*> operation_of(
      const std::string& method, const std::string& target) const;

  nlohmann::json document_;
};

}  // namespace vs::http
