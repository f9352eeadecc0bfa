#include <re2/re2.h>

#include "dataplane/filter/program.h"

namespace vs::filter {
namespace {

constexpr std::int64_t kPatternMemoryMax = 64 * 1024;

RE2::Options pattern_options() {
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(kPatternMemoryMax);
  options.set_never_capture(true);
  return options;
}

}  // namespace

struct Pattern::Impl {
  explicit Impl(const std::string& text) : re(text, pattern_options()) {}
  RE2 re;
};

Result<Pattern> Pattern::compile(const std::string& text) {
  auto impl = std::make_unique<Impl>(text);
  if (impl->re.ok()) return Pattern(std::move(impl));
  const bool large = impl->re.error_code() == RE2::ErrorPatternTooLarge;
  return fail(large ? ErrorCode::exhausted : ErrorCode::invalid, "regular expression: " + impl->re.error());
}

Pattern::Pattern(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

bool Pattern::found_in(std::string_view text) const {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), impl_->re);
}

std::uint32_t Pattern::size() const { return static_cast<std::uint32_t>(impl_->re.ProgramSize()); }

}  // namespace vs::filter
