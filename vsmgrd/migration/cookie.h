// Proof that who sends a message knows the secret that its receiver made for this handoff.
//
// Bound to the handoff's id, the message's verb and direction, and the sender's name; so one that was overheard fits no other
// message. Pure functions; thread-safe.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "vsmgrd/migration/message.h"

namespace vs::handoff {

inline constexpr std::size_t kSecretBytes = 64;  // hex digits; 256 bits

// SHA-256 over the secret, which has always the same length, and what it is bound to. 64 hex digits.
std::string cookie_of(std::string_view secret, const Message& message);

// Compared in a time that does not tell where they differ.
bool has_cookie(const Message& message, std::string_view secret);
bool equal_secrets(std::string_view one, std::string_view other);

// A new secret, nonce or id: `kSecretBytes` hex digits that nobody guesses.
using Random = std::function<std::string()>;
std::string random_secret();

}  // namespace vs::handoff
