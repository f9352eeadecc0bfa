// What an expression may ask of a request, by the kind of its service: the names of content classes (Sla, spec.contentClasses).
//
//   dns     operation  "lookup", "reverse"
//           name       of a lookup, in lower case, without a final dot; "" of a reverse one
//           type       "ANY", "A", "AAAA" of a lookup, "PTR" of a reverse one
//           bytes      of the request
//   pubsub  operation  "publish", "subscribe", "unsubscribe", "filter", "receive", "create", "get", "set"
//           channel    of the first event that is published; the pattern of a subscription; the channel of create, get and set
//           key        of the first event; "" elsewhere, as are the next two
//           contentType
//           priority   of the first event; 0 elsewhere
//           bytes      of the request
//           attributes.NAME  of the first event
//
// The slots are in this order. Pure; thread-safe.
#pragma once

#include <string_view>

#include "dataplane/filter/schema.h"

namespace vs::filter {

enum DnsSlot : std::size_t { kDnsOperation, kDnsName, kDnsType, kDnsBytes, kDnsSlots };
enum PubsubSlot : std::size_t {
  kPubsubOperation,
  kPubsubChannel,
  kPubsubKey,
  kPubsubContentType,
  kPubsubPriority,
  kPubsubBytes,
  kPubsubSlots  // from here on: attributes
};

// Of another kind: none but `bytes`.
Schema request_names(std::string_view kind);

}  // namespace vs::filter
