#include "vsmgrd/model/selector.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "vsmgrd/model/codec.h"

namespace vs {

// One pass over the text; `at` is the next byte.
class LabelSelector::Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<std::vector<Requirement>> all() {
    std::vector<Requirement> read;
    blanks();
    if (ended()) return read;
    do {
      if (read.size() == kSelectorRequirementsMax)
        return fault(fmt::format("more than {} requirements", kSelectorRequirementsMax));
      auto requirement = one();
      if (!requirement) return fail(std::move(requirement.error()));
      read.push_back(std::move(*requirement));
    } while (took(","));
    if (!ended()) return fault("a comma was expected");
    return read;
  }

 private:
  Result<Requirement> one() {
    const bool negated = took("!");
    Requirement read{.key = word(), .test = negated ? Test::absent : Test::present};
    if (!is_label_key(read.key)) return fault(in_quotes(read.key) + " is not a label's key");
    if (negated) return read;
    if (took("!=")) return with_value(std::move(read), Test::not_in);
    if (took("==") || took("=")) return with_value(std::move(read), Test::in);
    const std::size_t before = at_;
    const std::string operation = word();
    if (operation == "in") return with_values(std::move(read), Test::in);
    if (operation == "notin") return with_values(std::move(read), Test::not_in);
    at_ = before;
    return read;
  }

  Result<Requirement> with_value(Requirement read, Test test) {
    read.test = test;
    read.values = {word()};
    return read;
  }

  Result<Requirement> with_values(Requirement read, Test test) {
    if (!took("(")) return fault("a list in parentheses was expected");
    do {
      if (read.values.size() == kSelectorValuesMax)
        return fault(fmt::format("more than {} values", kSelectorValuesMax));
      read.values.push_back(word());
    } while (took(","));
    if (!took(")")) return fault("a closing parenthesis was expected");
    read.test = test;
    return read;
  }

  std::string word() {
    const std::size_t begin = at_;
    while (!ended() && std::string_view(" \t,()=!").find(text_[at_]) == std::string_view::npos)
      ++at_;
    std::string found(text_.substr(begin, at_ - begin));
    blanks();
    return found;
  }
  bool took(std::string_view token) {
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    blanks();
    return true;
  }
  void blanks() {
    while (!ended() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  [[nodiscard]] bool ended() const { return at_ == text_.size(); }
  [[nodiscard]] tl::unexpected<Error> fault(std::string what) const {
    return fail(ErrorCode::invalid,
                fmt::format("selector, byte {}: {}", at_ + 1, std::move(what)));
  }

  const std::string_view text_;
  std::size_t at_ = 0;
};

Result<LabelSelector> LabelSelector::parse(std::string_view text) {
  if (text.size() > kSelectorBytesMax)
    return fail(ErrorCode::invalid,
                fmt::format("selector: longer than {} bytes", kSelectorBytesMax));
  auto requirements = Reader(text).all();
  if (!requirements) return fail(std::move(requirements.error()));
  LabelSelector selector;
  selector.requirements_ = std::move(*requirements);
  for (const Requirement& requirement : selector.requirements_) {
    if (!selector.text_.empty()) selector.text_ += ',';
    selector.text_ += written(requirement);
  }
  return selector;
}

std::string LabelSelector::written(const Requirement& requirement) {
  const auto& [key, test, values] = requirement;
  const bool in = test == Test::in;
  switch (test) {
    case Test::present: return key;
    case Test::absent: return '!' + key;
    case Test::in:
    case Test::not_in:
      if (values.size() == 1) return key + (in ? "=" : "!=") + values.front();
      return fmt::format("{} {} ({})", key, in ? "in" : "notin", fmt::join(values, ","));
  }
  __builtin_unreachable();
}

bool LabelSelector::matches(const Labels& labels) const {
  return std::all_of(requirements_.begin(), requirements_.end(), [&](const Requirement& wanted) {
    const auto found = labels.find(wanted.key);
    const bool there = found != labels.end();
    const auto is_one = [&] {
      return there && std::find(wanted.values.begin(), wanted.values.end(), found->second) !=
                          wanted.values.end();
    };
    switch (wanted.test) {
      case Test::present: return there;
      case Test::absent: return !there;
      case Test::in: return is_one();
      case Test::not_in: return !is_one();
    }
    __builtin_unreachable();
  });
}

}  // namespace vs
