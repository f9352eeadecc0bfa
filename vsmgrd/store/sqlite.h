// SQLite as values with a lifetime: a database, a statement, a transaction that rolls back unless
// it was committed.
//
// Owned by one thread at a time (SQLITE_OPEN_NOMUTEX); the store's lock sees to that.
// Errors: exhausted (disk or memory full), unavailable (read-only, busy, input and output errors),
// internal (damage, and our own mistakes); each names the database.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sqlite3.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace vs {

inline constexpr std::chrono::milliseconds kBusyTimeout{2000};

class Database;

// One prepared statement. Parameters and columns count from 0.
class Statement {
 public:
  void bind(int index, std::int64_t value);
  void bind(int index, std::string_view text);
  void bind(int index, const std::string& text) { bind(index, std::string_view(text)); }
  void bind(int index, const std::optional<std::string>& text);  // NULL when there is none

  // To the next row; false when there is none. A wrong bind fails here.
  Result<bool> step();

  [[nodiscard]] std::int64_t integer(int column) const;
  // Valid until the next step.
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  friend class Database;
  Statement(const Database& database, sqlite3_stmt* handle)
      : database_(&database), handle_(handle) {}

  const Database* database_;
  std::unique_ptr<sqlite3_stmt, CloseWith<&sqlite3_finalize>> handle_;
  int bind_result_ = SQLITE_OK;
};

class Database {
 public:
  // `name` is a path, ":memory:" or, with SQLITE_OPEN_URI, a URI; `title` is how errors call it.
  static Result<Database> open(const std::string& name, int flags, std::string title,
                               const char* vfs = nullptr);

  // Any number of statements; rows are dropped.
  Result<> run(const std::string& sql);

  Result<Statement> prepare(std::string_view sql);

  // One statement with its parameters, run to its end; rows are dropped.
  template <class... Values>
  Result<> execute(std::string_view sql, const Values&... values) {
    auto statement = prepare(sql);
    if (!statement) return fail(std::move(statement.error()));
    int index = 0;
    (statement->bind(index++, values), ...);
    auto stepped = statement->step();
    while (stepped && *stepped) stepped = statement->step();
    if (!stepped) return fail(std::move(stepped.error()));
    return {};
  }

  // The only value of a statement that yields one, as `PRAGMA user_version`.
  Result<std::int64_t> integer(std::string_view sql);
  Result<std::string> text(std::string_view sql);

  [[nodiscard]] Error error(int code) const;
  [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }
  [[nodiscard]] const std::string& title() const { return title_; }

 private:
  Database(sqlite3* handle, std::string title) : handle_(handle), title_(std::move(title)) {}

  std::unique_ptr<sqlite3, CloseWith<&sqlite3_close_v2>> handle_;
  std::string title_;
};

class Transaction {
 public:
  // Takes the write lock at once, so that nothing changes between check and commit.
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();  // rolls back what was not committed

  Result<> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}

  Database* database_;
};

}  // namespace vs
