// What the logs share: the writer, and a way to read beside it.
//
// Thread-safe. Errors: those of writer.h and sqlite.h.
#pragma once

#include <functional>

#include "base/result.h"

namespace vs {

class Database;
struct Turn;

class Ledger {
 public:
  virtual ~Ledger() = default;
  virtual Result<> write(const std::function<Result<>(Turn&)>& work) = 0;
  // In a transaction of its own: for work that decides on what after_commit keeps in memory.
  virtual Result<> write_alone(const std::function<Result<>(Turn&)>& work) = 0;
  // What is durable, while others write. Not from within work.
  virtual Result<> read(const std::function<Result<>(Database&)>& read) = 0;
};

}  // namespace vs
