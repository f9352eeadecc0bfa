// The files of the page at /ui, as they were when this was built.
//
// Constant; thread-safe.
#pragma once

#include <span>
#include <string_view>

namespace vs::http {

inline constexpr std::string_view kUiPage = "index.html";  // what GET /ui answers

struct UiFile {
  std::string_view name;
  std::string_view content_type;
  std::string_view text;
};

std::span<const UiFile> ui_files();

}  // namespace vs::http
