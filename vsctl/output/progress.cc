#include "vsctl/output/progress.h"

#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "vsctl/output/text.h"

namespace vs::ctl {
namespace {

constexpr int kBarColumns = 30;
constexpr const char* kEraseLine = "\r\x1b[K";

}  // namespace

ProgressBar::ProgressBar(std::ostream& err, bool quiet)
    : err_(err), shows_(!quiet && ::isatty(STDERR_FILENO) == 1) {}

void ProgressBar::show(const std::string& what, double part) {
  if (!shows_) return;
  err_ << kEraseLine << line(what, part) << std::flush;
  shown_ = true;
}

void ProgressBar::clear() {
  if (shown_) err_ << kEraseLine << std::flush;
  shown_ = false;
}

std::string ProgressBar::line(const std::string& what, double part) {
  if (part < 0) return printable(what) + " ...";
  part = std::min(part, 1.0);
  const int full = static_cast<int>(part * kBarColumns);
  return fmt::format("{} [{}{}] {:.0f}%", printable(what), std::string(static_cast<std::size_t>(full), '#'),
                     std::string(static_cast<std::size_t>(kBarColumns - full), '-'), part * 100);
}

}  // namespace vs::ctl
