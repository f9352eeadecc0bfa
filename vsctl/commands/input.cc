#include "vsctl/commands/input.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "base/unique_fd.h"
#include "vsctl/output/text.h"

namespace vs::ctl {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStandardInput = "-";

tl::unexpected<Failure> refuse(const std::string& path, int saved_errno) {
  return give_up(ExitCode::invalid,
                 fmt::format("{}: {}", path, std::generic_category().message(saved_errno)));
}

bool is_policy_file(const fs::path& path) {
  return !path.filename().native().starts_with('.') &&
         (path.extension() == ".yaml" || path.extension() == ".yml");
}

Outcome<std::vector<std::string>> files_of(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code problem;
  for (auto entry = fs::directory_iterator(directory, problem);
       !problem && entry != fs::directory_iterator(); entry.increment(problem)) {
    std::error_code unknown;  // what cannot be looked at is left to open(), which says why
    if (is_policy_file(entry->path()) && !entry->is_directory(unknown))
      files.push_back(entry->path().native());
  }
  if (problem) return refuse(directory, problem.value());
  if (files.empty())
    return give_up(ExitCode::invalid, directory + ": no *.yaml or *.yml in this directory");
  std::sort(files.begin(), files.end());
  return files;
}

// At most `bytes_max`; any stream will do, also one without an end.
Outcome<std::string> read_all(const std::string& path, std::size_t bytes_max) {
  UniqueFd opened;
  if (path != kStandardInput) {
    opened.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!opened) return refuse(path, errno);
  }
  std::string text;
  std::array<char, 65536> piece{};
  while (true) {
    const ssize_t size = ::read(opened ? opened.get() : STDIN_FILENO, piece.data(), piece.size());
    if (size == 0) return text;
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return refuse(path, errno);
    text.append(piece.data(), static_cast<std::size_t>(size));
    if (text.size() > bytes_max)
      return give_up(ExitCode::invalid,
                     fmt::format("{}: more than {} bytes in all", path, kInputBytesMax));
  }
}

Outcome<std::vector<std::string>> expand(const std::string& path) {
  std::error_code problem;
  if (path != kStandardInput && fs::is_directory(path, problem)) return files_of(path);
  return std::vector{path};
}

}  // namespace

Outcome<std::vector<InputFile>> read_inputs(const std::vector<std::string>& paths) {
  std::vector<InputFile> inputs;
  std::size_t bytes = 0;
  for (const std::string& path : paths) {
    const auto files = expand(path);
    if (!files) return give_up(files.error());
    for (const std::string& file : *files) {
      auto text = read_all(file, kInputBytesMax - bytes);
      if (!text) return give_up(text.error());
      if (const auto at = first_byte_not_utf8(*text))
        return give_up(ExitCode::invalid, fmt::format("{}: byte {} is no UTF-8", file, *at));
      bytes += text->size();
      inputs.push_back({file == kStandardInput ? "stdin" : file, std::move(*text)});
    }
  }
  return inputs;
}

}  // namespace vs::ctl
