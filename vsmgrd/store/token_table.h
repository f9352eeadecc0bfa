// Bearer tokens: scoped, expiring, rotatable; of the secret only a hash is kept.
//
// A secret is "vst_" + the token's id + "_" + 43 characters of 256 random bits (base64url). It is shown once, by
// issue() or rotate(). find() reads memory only, compares in constant time and takes as long for a
// wrong secret as for a right one of a token that exists.
//
// Thread-safe. Errors: invalid (name, role, lifetime), not_found, conflict (name taken, revoked),
// exhausted (kTokensMax), and those of sqlite.h. Every change is audited and an event.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "vsmgrd/model/resource.h"
#include "vsmgrd/store/actor.h"
#include "vsmgrd/store/event_log.h"
#include "vsmgrd/store/ledger.h"

namespace vs {

inline constexpr std::size_t kTokensMax = 1000;
inline constexpr std::chrono::hours kTokenLifetimeMax{24 * 90};
inline constexpr std::chrono::hours kTokenGraceMax{24};  // of the old secret after a rotation
inline constexpr std::chrono::minutes kTokenUsePause{1};  // between two notes of a use

struct Token {
  std::string id;    // 16 hex digits
  std::string name;  // unique among tokens that are not revoked or expired
  std::string role;
  std::string scope;  // label selector, as text; empty: everything
  std::string created_by;
  WallTime created_at{};
  WallTime expires_at{};
  std::optional<WallTime> last_used_at;
  std::optional<WallTime> revoked_at;
};

// Which secret of which token was shown: to ask later whether it still counts.
struct TokenUse {
  std::string id;
  std::string hash;  // of the secret
};

struct IssuedToken {
  Token token;
  std::string secret;  // never stored, never logged
};

class TokenTable {
 public:
  struct Wanted {
    std::string name;
    std::string role;
    std::string scope;  // checked by the caller
    std::chrono::seconds lifetime{std::chrono::hours{24 * 30}};
  };

  TokenTable(Ledger& ledger, EventLog& events, const Clock& clock)
      : ledger_(ledger), events_(events), clock_(clock) {}

  Result<IssuedToken> issue(const Wanted& wanted, const Actor& actor);
  // A new secret and a new lifetime; the old secret is taken for `grace` longer.
  Result<IssuedToken> rotate(const std::string& id, std::chrono::seconds lifetime,
                             std::chrono::seconds grace, const Actor& actor);
  Result<> revoke(const std::string& id, const Actor& actor);

  // The token of this secret, if it is neither expired nor revoked. Notes the use in memory; tidy()
  // writes it.
  [[nodiscard]] std::optional<Token> find(std::string_view secret);
  static TokenUse use_of(std::string_view secret);
  // Whether find() would take that secret now; notes no use. Says no as soon as the event of the
  // revocation or rotation is seen.
  [[nodiscard]] bool counts(const TokenUse& use) const;
  Result<Token> get(const std::string& id) const;
  [[nodiscard]] std::vector<Token> list() const;  // by name

  // For the store.
  Result<> load(Database& database);
  Result<> tidy(Turn& turn);  // uses; and tokens that ended a week ago go

 private:
  struct Kept {
    Token token;
    std::string hash;
    std::string old_hash;
    std::optional<WallTime> old_until;
    bool use_unwritten = false;
  };
  using Tokens = std::map<std::string, Kept>;
  static bool counts(const Kept& kept, std::string_view hash, WallTime now);
  Result<> save(Turn& turn, const Kept& kept, const std::string& verb, const Actor& actor);

  Ledger& ledger_;
  EventLog& events_;
  const Clock& clock_;
  Guarded<Tokens> tokens_;
};

}  // namespace vs
