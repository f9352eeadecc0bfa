// The memory of a guest's table of answers in a sealed memfd: written here, handed to the guest as a descriptor it can only read.
//
// Sealed as a pool is (local_pool.h). Owned by one thread. Errors: exhausted, when memory or descriptors run out.
#pragma once

#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"
#include "dataplane/ring/answers.h"

namespace vs {

class LocalAnswers {
 public:
  static Result<std::unique_ptr<LocalAnswers>> create(std::uint32_t slots);
  LocalAnswers(const LocalAnswers&) = delete;
  LocalAnswers& operator=(const LocalAnswers&) = delete;
  ~LocalAnswers();

  [[nodiscard]] int memory() const { return memory_.get(); }
  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }
  [[nodiscard]] AnswersWriter& writer() { return writer_; }

 private:
  LocalAnswers(UniqueFd memory, std::span<std::byte> bytes, const vs_answers_header& header)
      : memory_(std::move(memory)), bytes_(bytes), writer_(bytes, header) {}

  UniqueFd memory_;
  std::span<std::byte> bytes_;
  AnswersWriter writer_;
};

}  // namespace vs
