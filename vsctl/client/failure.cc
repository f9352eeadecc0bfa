#include "vsctl/client/failure.h"

#include <fmt/format.h>

#include "base/json.h"
#include "vsctl/client/fields.h"

namespace vs::ctl {
namespace {

Problem problem_of(const nlohmann::json& error) {
  const nlohmann::json& source = field(error, "source");
  return {.pointer = text(error, "pointer"),
          .message = text(error, "message"),
          .hint = text(error, "hint"),
          .file = text(source, "file"),
          .line = static_cast<int>(number(source, "line")),
          .column = static_cast<int>(number(source, "column"))};
}

// The sentence of the document; a fault on the daemon's side also says which log lines belong to
// it.
std::string message_of(int http_status, const nlohmann::json& document) {
  std::string message = text(document, "detail");
  if (message.empty()) message = text(document, "title");
  if (message.empty()) message = fmt::format("the daemon answered {}", http_status);
  const std::string request = text(document, "requestId");
  if (http_status >= 500 && !request.empty()) message += fmt::format(" (request {})", request);
  return message;
}

}  // namespace

Failure refusal_of(int http_status, std::string_view content_type, std::string_view body) {
  Failure failure{
      exit_code_of_status(http_status), fmt::format("the daemon answered {}", http_status), {}};
  if (!content_type.starts_with("application/problem+json")) return failure;
  const auto document = parse_json(body);
  if (!document) {
    failure.message += ", with an error that is " + document.error().message;
    return failure;
  }
  failure.message = message_of(http_status, *document);
  if (const nlohmann::json& errors = field(*document, "errors"); errors.is_array())
    for (const nlohmann::json& error : errors) failure.problems.push_back(problem_of(error));
  return failure;
}

}  // namespace vs::ctl
