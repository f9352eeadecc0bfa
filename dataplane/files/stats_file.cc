#include "dataplane/files/stats_file.h"

#include <cerrno>
#include <utility>

namespace vs::files {
namespace {

class OpenStats final : public OpenFile {
 public:
  explicit OpenStats(std::string text) : text_(std::move(text)) {}
  int write(std::string_view /*bytes*/) override { return EACCES; }
  void read(std::uint64_t offset, std::size_t bytes_max, Answer answer) override { answer(0, slice(text_, offset, bytes_max)); }

 private:
  const std::string text_;
};

}  // namespace

StatsFile::StatsFile(std::function<std::string()> text) : File("stats", false), text_(std::move(text)) {}

std::unique_ptr<OpenFile> StatsFile::open() { return std::make_unique<OpenStats>(text_()); }

}  // namespace vs::files
