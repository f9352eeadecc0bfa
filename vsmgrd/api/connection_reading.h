// What a connection has read of a request, and what its head says. For connection.cc: Beast stays in few files.
//
// Owned by the connection's strand.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "vsmgrd/api/connection.h"
#include "vsmgrd/api/wire.h"

namespace vs::http {

using RequestParser = boost::beast::http::request_parser<boost::beast::http::string_body>;

inline Head head_of(const RequestParser& parser) {
  const auto& message = parser.get();
  Head head{.method = std::string(message.method_string()),
            .target = std::string(message.target()),
            .version = message.version(),
            .keep_alive = parser.keep_alive()};
  for (const auto& field : message)
    head.fields.emplace_back(std::string(field.name_string()), std::string(field.value()));
  return head;
}

struct Connection::Reading {
  boost::beast::flat_buffer buffer;
  std::optional<RequestParser> parser;
  std::size_t header_bytes = 0;
  bool head_known = false;
  Head head;  // taken before the body: trailers that follow it are not headers
  std::size_t lingered_bytes = 0;
};

}  // namespace vs::http
