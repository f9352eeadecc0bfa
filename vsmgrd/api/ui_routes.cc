// GET /ui: the page on which people look at the node, and what it is made of.

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/routes.h"
#include "vsmgrd/api/ui.h"
#include "vsmgrd/model/codec.h"

namespace vs::http {
namespace {

// The page runs what is built into this daemon and talks to nobody else, whatever a name or a message holds
// (https://www.w3.org/TR/CSP3/). Nor may another page show it, or learn from where it was left.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kHeaders{{
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
     "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
}};

Response file_named(const Call& call, std::string_view name) {
  const auto files = ui_files();
  const auto file = std::find_if(files.begin(), files.end(), [&](const UiFile& one) { return one.name == name; });
  if (file == files.end())
    return problem_response({404, ErrorCode::not_found, "the page has no file " + in_quotes(name)}, call.request.id);
  Response response{.content_type = std::string(file->content_type), .body = std::string(file->text)};
  for (const auto& [header, value] : kHeaders) response.headers.emplace_back(header, value);
  return response;
}

}  // namespace

void add_ui_routes(Router& router) {
  router.add({.method = "GET",
              .path = "/ui",
              .handle = [](const Call& call) { return file_named(call, kUiPage); },
              .needs = Role::viewer});
  router.add({.method = "GET",
              .path = "/ui/{name}",
              .handle = [](const Call& call) { return file_named(call, call.name); },
              .needs = Role::viewer});
}

}  // namespace vs::http
