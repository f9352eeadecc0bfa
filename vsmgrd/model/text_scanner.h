// A cursor over one line of text that a person typed, for the small languages of query parameters.
//
// Columns count bytes from 1. Owned by one thread; refers to the text, which must outlive it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "vsmgrd/model/problem.h"

namespace vs {

class TextScanner {
 public:
  // `title` is how problems call the text: the query parameter's name.
  TextScanner(std::string_view title, std::string_view text) : title_(title), text_(text) {}

  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[at_]; }
  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
  void skip(std::size_t bytes) { at_ += bytes; }
  void skip_blanks();
  // Takes `word` if it stands here.
  bool take(std::string_view word);
  // Takes what stands here as long as `is` holds of each byte.
  template <class Is>
  std::string_view take_while(Is is) {
    const std::size_t begin = at_;
    while (!at_end() && is(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  // Takes a string in single or double quotes; inside, its quote twice is one.
  Checked<std::string> take_quoted();

  // The refusal of what stands at byte `at`, or here.
  [[nodiscard]] tl::unexpected<Refusal> refuse_at(std::size_t at, std::string message,
                                                  std::string hint = {}) const;
  [[nodiscard]] tl::unexpected<Refusal> refuse_here(std::string message,
                                                    std::string hint = {}) const {
    return refuse_at(at_, std::move(message), std::move(hint));
  }
  // What stands here, for a message: `"and"`, or "the end".
  [[nodiscard]] std::string found() const;

 private:
  std::string_view title_;
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace vs
