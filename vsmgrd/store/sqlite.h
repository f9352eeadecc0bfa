// SQLite as values with a lifetime: a database, a statement, a transaction that rolls back unless
// it was committed.
//
// Statements are kept prepared with their database (kStatementsMax) and handed out again. Owned by
// one thread at a time (SQLITE_OPEN_NOMUTEX); the writer sees to that.
// Errors: exhausted (disk or memory full), unavailable (read-only, busy, input and output errors),
// internal (damage, and our own mistakes); each names the database.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
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
inline constexpr int kCopyPages = 256;  // of a copy, at a time
inline constexpr std::size_t kStatementsMax = 128;  // kept prepared

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
  // Finalizes, or leaves it ready for its next use.
  struct Ender {
    bool* in_use = nullptr;  // of one that is kept
    void operator()(sqlite3_stmt* handle) const {
      if (!in_use) {
        sqlite3_finalize(handle);
        return;
      }
      sqlite3_reset(handle);
      sqlite3_clear_bindings(handle);
      *in_use = false;
    }
  };
  Statement(const Database& database, sqlite3_stmt* handle, bool* in_use)
      : database_(&database), handle_(handle, Ender{in_use}) {}

  const Database* database_;
  std::unique_ptr<sqlite3_stmt, Ender> handle_;
  int bind_result_ = SQLITE_OK;
};

class Database {
 public:
  // `name` is a path, ":memory:" or, with SQLITE_OPEN_URI, a URI; `title` is how errors call it.
  static Result<Database> open(const std::string& name, int flags, std::string title,
                               const char* vfs = nullptr);

  // Any number of statements; rows are dropped.
  Result<> run(const std::string& sql);

  // Must end before the database is moved or closed.
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

  [[nodiscard]] std::int64_t last_row_id() const { return sqlite3_last_insert_rowid(handle_.get()); }
  // From now on the write-ahead log is only copied back by checkpoint(), which waits for no reader.
  void hold_log();
  [[nodiscard]] int log_pages() const { return log_pages_ ? *log_pages_ : 0; }  // after the last commit
  void checkpoint();
  // Copies all of it to a new file, in one piece, as it was committed last; others may write meanwhile.
  // `look`, when there is one, is told the pages of the copy after each kCopyPages of them; false ends it.
  using CopyLook = std::function<bool(std::uint64_t done, std::uint64_t total)>;
  Result<> copy_to(const std::string& file, const CopyLook& look = {});

  [[nodiscard]] Error error(int code) const;
  [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }
  [[nodiscard]] const std::string& title() const { return title_; }

 private:
  Result<> copy_pages(Database& target, const CopyLook& look);
  Database(sqlite3* handle, std::string title) : handle_(handle), title_(std::move(title)) {}

  struct Kept {
    std::unique_ptr<sqlite3_stmt, CloseWith<&sqlite3_finalize>> handle;
    bool in_use = false;
  };

  std::unique_ptr<sqlite3, CloseWith<&sqlite3_close_v2>> handle_;
  std::string title_;
  std::map<std::string, Kept, std::less<>> kept_;  // by their SQL
  std::unique_ptr<int> log_pages_;
};

// Calls `read` with each row of `sql`, whose parameters are `values`; ends at the first that fails.
template <class Read, class... Values>
Result<> for_each_row(Database& database, std::string_view sql, Read read, const Values&... values) {
  auto rows = database.prepare(sql);
  if (!rows) return fail(std::move(rows.error()));
  int index = 0;
  (rows->bind(index++, values), ...);
  for (;;) {
    const auto row = rows->step();
    if (!row) return fail(row.error());
    if (!*row) return {};
    if (Result<> done = read(std::as_const(*rows)); !done) return done;
  }
}

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
