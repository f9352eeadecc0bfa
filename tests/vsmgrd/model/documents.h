// Documents that are right and documents that are wrong in one way each: decode() and the JSON
// Schema are both held to them.
#pragma once

#include <string>
#include <vector>

namespace vs::test {

struct Valid {
  std::string title;
  std::string text;
};

struct Invalid {
  std::string title;
  std::string text;
  std::string pointer;
  std::string message;  // a part of it
  std::string hint;     // all of it
  bool at_key = false;
};

// A document of `kind` with this spec and, if any, these members besides name in its metadata.
inline std::string document(const std::string& kind, const std::string& spec,
                            const std::string& metadata = "") {
  return R"({"apiVersion": "vservices/v1", "kind": ")" + kind + R"(", "metadata": {"name": "a1")" +
         metadata + R"(}, "spec": )" + spec + "}";
}
inline std::string policy(const std::string& rule) {
  return document("AccessPolicy", R"({"rules": [)" + rule + "]}");
}
inline std::string channel_rule(const std::string& members) {
  return document("AccessPolicy", R"({"rules": [{"id": "r", "effect": "allow", "message": "m", "match": {}}], "channelRules": [{)" +
                                      members + "}]}");
}
inline std::string match(const std::string& members) {
  return policy(R"({"id": "r", "effect": "deny", "message": "m", "match": )" + members + "}");
}
inline std::string dns(const std::string& members) {
  return document("Service", R"({"kind": "dns", "parameters": )" + members + "}");
}

// Of a service of channels that declares these.
inline std::string channels(const std::string& list) {
  return document("Service", R"({"kind": "pubsub", "parameters": {"channels": [)" + list + "]}}");
}

inline std::string many(std::size_t count, const std::string& before, const std::string& after) {
  std::string list;
  for (std::size_t i = 0; i < count; ++i)
    list += (i == 0 ? "" : ",") + before + std::to_string(i) + after;
  return list;
}

inline const std::vector<Valid> kValid{
    {"Domain", document("Domain", R"({"type": "container", "description": "two\nlines\t"})")},
    {"DomainOfXen", document("Domain", R"({"type": "xen", "guest": "9d8e6f1c-2b3a-4c5d-8e7f-001122334455"})")},
    {"ChannelRule", channel_rule(R"("id": "r", "effect": "allow", "message": "m", "match": {"domains": ["a"]},
                                    "channels": ["a.*.b", ">", "x_1-Y"], "verbs": ["publish"], "rate": 1, "burst": 2,
                                    "eventBytesMax": 3, "filterCostMax": 4)")},
    {"DeclaredChannels", channels(R"({"name": "market.*", "schema": "price double required, ...", "contentType": "a/b",
                                     "eventBytesMax": 9, "expires": "10s", "retained": false},
                                    {"name": "average", "source": "market.>", "filter": "attributes.price > 0.0",
                                     "operators": "window avg(attributes.price) over 5s | throttle 1"})")},
    {"ChannelRuleThatDenies",
     channel_rule(R"("id": "r", "effect": "deny", "message": "m", "match": {}, "channels": ["a"])")},
    {"DomainOfDefaults", document("Domain", "{}")},
    {"Labels", document("Domain", "{}", R"(, "labels": {"tier": "web", "Team_1/x.y": ""})")},
    {"ServerOwned",
     document("Domain", "{}",
              R"(, "uid": "u", "generation": 1, "resourceVersion": 7, "createdAt": "t",
                 "updatedAt": "t", "sources": {"": {"file": "f", "line": 1, "column": 1}})")},
    {"Status", R"({"apiVersion": "vservices/v1", "kind": "Domain", "metadata": {"name": "a"},
                  "spec": {}, "status": {"state": "Bound"}})"},
    {"LongestName", R"({"apiVersion": "vservices/v1", "kind": "Domain", "spec": {},
                       "metadata": {"name": ")" +
                        std::string(63, 'n') + R"("}})"},
    {"Service", dns(R"({"nameservers": ["127.0.0.1:5300", "192.0.2.1", "::1", "[::1]:53"],
                       "timeout": "60s", "tries": 10})")},
    {"ServiceThatKeeps", dns(R"({"cache": {"ttlMin": "0s", "ttlMax": "168h", "staleMax": "0s", "prefetchHits": 0,
                              "guestEntriesMax": 1, "guestKiBMax": 64, "kiBMax": 1024}})")},
    {"ServiceOfDefaults", document("Service", R"({"kind": "dns"})")},
    {"NoNameservers", dns(R"({"nameservers": []})")},
    {"Policy", match(R"({"domains": ["web1", "web2"], "domainLabels": {"tier": "web"},
                        "services": ["dns"], "kinds": ["dns", "ldap"]})")},
    {"MatchesAll", match("{}")},
    {"Binding", document("Binding", R"({"domain": "web1", "service": "dns", "device": "names"})")},
    {"BindingOfDefaults", document("Binding", R"({"domain": "web1", "service": "dns"})")},
};

// What is said in texts that have languages of their own: policy.schema.json does not know them.
inline const std::vector<Invalid> kInvalidTexts{
    {"CacheTooLong", dns(R"({"cache": {"ttlMax": "169h"}})"), "/spec/parameters/cache/ttlMax",
     R"("ttlMax" must be from 0ms to 168h, is 169h)", ""},
    {"CacheContradicts", dns(R"({"cache": {"ttlMin": "2h"}})"), "/spec/parameters/cache/ttlMin",
     R"("ttlMin" is more than "ttlMax")", "set it to at most 1h"},
    {"ChannelName", channels(R"({"name": "a..b"})"), "/spec/parameters/channels/0/name", R"("name": )", ""},
    {"ChannelTwice", channels(R"({"name": "a"}, {"name": "a"})"), "/spec/parameters/channels/1/name", R"("name": a is there twice)", ""},
    {"ChannelSchema", channels(R"({"name": "a", "schema": "price float"})"), "/spec/parameters/channels/0/schema",
     R"("schema": column 7: "price" is of type bool, int, double, string or bytes)", ""},
    {"ChannelDerivedPattern", channels(R"({"name": "a.*", "source": "b"})"), "/spec/parameters/channels/0/name", R"("name": )", ""},
    {"ChannelFilter", channels(R"({"name": "a", "source": "b", "filter": "key == 5"})"), "/spec/parameters/channels/0/filter",
     R"("filter": column 5: string and int cannot be compared)", ""},
    {"ChannelOperators", channels(R"({"name": "a", "source": "b", "operators": "sample 2 | onchange"})"),
     "/spec/parameters/channels/0/operators",
     R"("operators": column 20: payload, key or attributes.NAME belongs here)", ""},
    {"ChannelOfItself", channels(R"({"name": "a", "source": "b"}, {"name": "b", "source": "a"})"), "/spec/parameters/channels/0/source",
     R"("source": channel a would be derived from itself)", ""},
    {"ChannelMisfit",
     channels(R"({"name": "a", "source": "b", "filter": "attributes.price > 'x'"}, {"name": "b", "schema": "price int"})"),
     "/spec/parameters/channels/0/filter",
     R"("filter": column 18: int and string cannot be compared (channel b))", ""}};

inline const std::vector<Invalid> kInvalid{
    {"List", "[]", "", "a document must be a map, is a list", ""},
    {"Nothing", "null", "", "a document must be a map, is nothing", ""},
    {"NoApiVersion", R"({"kind": "Domain", "metadata": {"name": "a"}, "spec": {}})", "",
     "\"apiVersion\" is missing", ""},
    {"OtherApiVersion",
     R"({"apiVersion": "v1", "kind": "Domain", "metadata": {"name": "a"}, "spec": {}})",
     "/apiVersion", R"("apiVersion" must be "vservices/v1", is "v1")", ""},
    {"NoKind", R"({"apiVersion": "vservices/v1", "metadata": {"name": "a"}, "spec": {}})", "",
     "\"kind\" is missing", ""},
    {"UnknownKind", document("Bindin", "{}"), "/kind",
     R"("kind" must be one of Domain, Service, AccessPolicy, SharingPolicy, Sla, Placement, Buffers, Binding, is "Bindin")",
     R"(did you mean "Binding"?)"},
    {"NoMetadata", R"({"apiVersion": "vservices/v1", "kind": "Domain", "spec": {}})", "",
     "\"metadata\" is missing", ""},
    {"NoSpec", R"({"apiVersion": "vservices/v1", "kind": "Domain", "metadata": {"name": "a"}})", "",
     "\"spec\" is missing", ""},
    {"SpecIsNothing", document("Domain", "null"), "/spec", R"("spec" must be a map, is nothing)",
     ""},
    {"UnknownTopKey", R"({"apiVersion": "vservices/v1", "kind": "Domain", "metadata": {"name": "a"},
                         "spec": {}, "extra": 1})",
     "/extra", R"(unknown key "extra")", "", true},
    {"NoName", R"({"apiVersion": "vservices/v1", "kind": "Domain", "metadata": {}, "spec": {}})",
     "/metadata", "\"name\" is missing", ""},
    {"NameIsNumber",
     R"({"apiVersion": "vservices/v1", "kind": "Domain", "metadata": {"name": 12}, "spec": {}})",
     "/metadata/name", R"("name" must be text, is the number 12)", R"(put it in quotes: "12")"},
    {"NameWithCapital",
     R"({"apiVersion": "vservices/v1", "kind": "Domain", "metadata": {"name": "Web"}, "spec": {}})",
     "/metadata/name", R"("name": "Web" is not a name)", ""},
    {"NameTooLong",
     R"({"apiVersion": "vservices/v1", "kind": "Domain", "metadata": {"name": ")" +
         std::string(64, 'n') + R"("}, "spec": {}})",
     "/metadata/name", "is not a name", ""},
    {"UnknownMetadata", document("Domain", "{}", R"(, "label": {})"), "/metadata/label",
     R"(unknown key "label")", R"(did you mean "labels"?)", true},
    {"LabelIsNumber", document("Domain", "{}", R"(, "labels": {"port": 80})"),
     "/metadata/labels/port", R"(label "port" must be text, is the number 80)",
     R"(put it in quotes: "80")"},
    {"LabelIsTrue", document("Domain", "{}", R"(, "labels": {"on": true})"), "/metadata/labels/on",
     R"(label "on" must be text, is true)", R"(put it in quotes: "true")"},
    {"LabelKey", document("Domain", "{}", R"(, "labels": {"a=b": "x"})"), "/metadata/labels/a=b",
     R"(label "a=b" must be 1 to 63 of)", "", true},
    {"LabelsAreList", document("Domain", "{}", R"(, "labels": ["a"])"), "/metadata/labels",
     R"("labels" must be a map of text to text, is a list)", ""},
    {"TooManyLabels",
     document("Domain", "{}", R"(, "labels": {)" + many(65, "\"k", R"(": "v")") + "}"),
     "/metadata/labels", R"("labels" has 65 labels, at most 64 are allowed)", ""},
    {"DomainType", document("Domain", R"({"type": "sandbx"})"), "/spec/type",
     R"("type" must be one of sandbox, container, xen, is "sandbx")", R"(did you mean "sandbox"?)"},
    {"Description", document("Domain", R"({"description": ["x"]})"), "/spec/description",
     R"("description" must be text, is a list)", ""},
    {"LongDescription", document("Domain", R"({"description": ")" + std::string(1025, 'd') + "\"}"),
     "/spec/description", R"("description" has 1025 bytes, at most 1024 are allowed)", ""},
    {"ControlCharacter", document("Domain", R"({"description": "\u001b[2J"})"), "/spec/description",
     R"("description" has a control character)", ""},
    {"UnknownSpecKey", document("Domain", R"({"typ": "sandbox"})"), "/spec/typ",
     R"(unknown key "typ")", R"(did you mean "type"?)", true},
    {"NoServiceKind", document("Service", "{}"), "/spec", "\"kind\" is missing", ""},
    {"UnknownServiceKind", document("Service", R"({"kind": "dnss"})"), "/spec/kind",
     R"("kind" must be one of dns, pubsub, files, is "dnss")", R"(did you mean "dns"?)"},
    {"ChannelsAreMap", document("Service", R"({"kind": "pubsub", "parameters": {"channels": {}}})"), "/spec/parameters/channels",
     R"("channels" must be a list, is a map)", ""},
    {"ChannelWithoutName", channels(R"({})"), "/spec/parameters/channels/0", R"("name" is missing)", ""},
    {"ChannelUnknownKey", channels(R"({"name": "a", "schemas": "b int"})"), "/spec/parameters/channels/0/schemas",
     R"(unknown key "schemas")", R"(did you mean "schema"?)", true},
    {"ChannelRetained", channels(R"({"name": "a", "retained": "no"})"), "/spec/parameters/channels/0/retained",
     R"("retained" must be true or false, is text "no")", ""},
    {"ChannelFilterWithoutSource", channels(R"({"name": "a", "filter": "true"})"), "/spec/parameters/channels/0/filter",
     R"("filter": is of a derived channel, and there is no source)", ""},
    {"ParametersAreList", document("Service", R"({"kind": "dns", "parameters": []})"),
     "/spec/parameters", R"("parameters" must be a map, is a list)", ""},
    {"UnknownParameter", dns(R"({"nameserver": []})"), "/spec/parameters/nameserver",
     R"(unknown key "nameserver")", R"(did you mean "nameservers"?)", true},
    {"CacheUnknownKey", dns(R"({"cache": {"ttl": "1s"}})"), "/spec/parameters/cache/ttl", R"(unknown key "ttl")", "", true},
    {"CacheTimeIsNumber", dns(R"({"cache": {"ttlMax": 5}})"), "/spec/parameters/cache/ttlMax",
     R"("ttlMax" must be a duration, is the number 5)", R"(give it a unit: "5ms")"},
    {"NameserverIsText", dns(R"({"nameservers": "127.0.0.1"})"), "/spec/parameters/nameservers",
     R"("nameservers" must be a list, is text "127.0.0.1")", R"(write ["127.0.0.1"])"},
    {"NameserverIsName", dns(R"({"nameservers": ["::1", "ns.example"]})"),
     "/spec/parameters/nameservers/1", R"("nameservers": "ns.example" is not a nameserver)", ""},
    {"NineNameservers", dns(R"({"nameservers": [)" + many(9, "\"192.0.2.", "\"") + "]}"),
     "/spec/parameters/nameservers", R"("nameservers" has 9 entries, at most 8 are allowed)", ""},
    {"TimeoutIsNumber", dns(R"({"timeout": 250})"), "/spec/parameters/timeout",
     R"("timeout" must be a duration, is the number 250)", R"(give it a unit: "250ms")"},
    {"TimeoutWithoutUnit", dns(R"({"timeout": "250"})"), "/spec/parameters/timeout",
     R"("timeout": "250" is not a duration)", ""},
    {"TriesZero", dns(R"({"tries": 0})"), "/spec/parameters/tries",
     R"("tries" must be a whole number from 1 to 10, is the number 0)", ""},
    {"TriesNegative", dns(R"({"tries": -1})"), "/spec/parameters/tries", "is the number -1", ""},
    {"TriesTooMany", dns(R"({"tries": 18446744073709551615})"), "/spec/parameters/tries",
     "is the number 18446744073709551615", ""},
    {"TriesHalf", dns(R"({"tries": 2.5})"), "/spec/parameters/tries", "is the number 2.5", ""},
    {"TriesText", dns(R"({"tries": "three"})"), "/spec/parameters/tries", R"(is text "three")", ""},
    {"NoRules", document("AccessPolicy", "{}"), "/spec", "\"rules\" is missing", ""},
    {"EmptyRules", document("AccessPolicy", R"({"rules": []})"), "/spec/rules",
     R"("rules" must be a list of 1 to 1000 rules, is 0 rules)", ""},
    {"RulesAreMap", document("AccessPolicy", R"({"rules": {}})"), "/spec/rules",
     R"("rules" must be a list of 1 to 1000 rules, is a map)", ""},
    {"RuleIsText", policy("\"allow all\""), "/spec/rules/0",
     R"(entry 0 of "rules" must be a map, is text "allow all")", ""},
    {"NoRuleId", policy(R"({"effect": "deny", "message": "m", "match": {}})"), "/spec/rules/0",
     "\"id\" is missing", ""},
    {"NoEffect", policy(R"({"id": "r", "message": "m", "match": {}})"), "/spec/rules/0",
     "\"effect\" is missing", ""},
    {"NoMessage", policy(R"({"id": "r", "effect": "deny", "match": {}})"), "/spec/rules/0",
     "\"message\" is missing", ""},
    {"NoMatch", policy(R"({"id": "r", "effect": "allow", "message": "m"})"), "/spec/rules/0",
     "\"match\" is missing", ""},
    {"EmptyMessage", policy(R"({"id": "r", "effect": "deny", "message": "", "match": {}})"),
     "/spec/rules/0/message", "\"message\" must not be empty", ""},
    {"Effect", policy(R"({"id": "r", "effect": "permit", "message": "m", "match": {}})"),
     "/spec/rules/0/effect", R"("effect" must be one of allow, deny, is "permit")", ""},
    {"MisspeltEffect", policy(R"({"id": "r", "efect": "deny", "message": "m", "match": {}})"),
     "/spec/rules/0/efect", R"(unknown key "efect")", R"(did you mean "effect"?)", true},
    {"ChannelRuleWithoutChannels", channel_rule(R"("id": "r", "effect": "deny", "message": "m", "match": {})"),
     "/spec/channelRules/0", "\"channels\" is missing", ""},
    {"ChannelThatIsNoPattern",
     channel_rule(R"("id": "r", "effect": "deny", "message": "m", "match": {}, "channels": ["a", "b..c"])"),
     "/spec/channelRules/0/channels/1", "part 2 is not", ""},
    {"UnknownVerb",
     channel_rule(R"("id": "r", "effect": "deny", "message": "m", "match": {}, "channels": ["a"], "verbs": ["read"])"),
     "/spec/channelRules/0/verbs/0", "publish", ""},
    {"RateOfADeny",
     channel_rule(R"("id": "r", "effect": "deny", "message": "m", "match": {}, "channels": ["a"], "rate": 5)"),
     "/spec/channelRules/0/rate", "a rule that denies has no rate", "leave it out, or set effect: allow"},
    {"SharingOfADeny",
     channel_rule(R"("id": "r", "effect": "deny", "message": "m", "match": {}, "channels": ["a"], "sharing": "group")"),
     "/spec/channelRules/0/sharing", "a rule that denies has no sharing", "leave it out, or set effect: allow"},
    {"SharingOfAPublisher",
     channel_rule(
         R"("id": "r", "effect": "allow", "message": "m", "match": {}, "channels": ["a"], "verbs": ["publish"], "sharing": "group")"),
     "/spec/channelRules/0/sharing", "sharing is of those who subscribe", "leave it out, or add subscribe to verbs"},
    {"UnknownSharing",
     channel_rule(R"("id": "r", "effect": "allow", "message": "m", "match": {}, "channels": ["a"], "sharing": "all")"),
     "/spec/channelRules/0/sharing", "equal", ""},
    {"EmptyDomains", match(R"({"domains": []})"), "/spec/rules/0/match/domains",
     R"("domains" must not be an empty list)", "leave it out to match all"},
    {"DomainTwice", match(R"({"domains": ["a", "b", "a"]})"), "/spec/rules/0/match/domains/2",
     R"("domains": "a" stands twice)", ""},
    {"DomainIsNumber", match(R"({"domains": ["a", 1]})"), "/spec/rules/0/match/domains/1",
     R"("domains": each entry must be text, this is the number 1)", R"(put it in quotes: "1")"},
    {"DomainIsPattern", match(R"({"domains": ["web*"]})"), "/spec/rules/0/match/domains/0",
     R"("domains": "web*" is not a name)", ""},
    {"MatchLabels", match(R"({"domainLabels": {"tier": null}})"),
     "/spec/rules/0/match/domainLabels/tier", R"(label "tier" must be text, is nothing)", ""},
    {"EmptyMatchLabels", match(R"({"domainLabels": {}})"), "/spec/rules/0/match/domainLabels",
     R"("domainLabels" must not be empty)", "leave it out to match all"},
    {"TooManyNames", match(R"({"services": [)" + many(1001, "\"s", "\"") + "]}"),
     "/spec/rules/0/match/services", R"("services" has 1001 entries, at most 1000 are allowed)",
     ""},
    {"UnknownMatch", match(R"({"labels": {"a": "b"}})"), "/spec/rules/0/match/labels",
     R"(unknown key "labels")", "", true},
    {"NoDomain", document("Binding", R"({"service": "dns"})"), "/spec", "\"domain\" is missing",
     ""},
    {"NoService", document("Binding", R"({"domain": "a"})"), "/spec", "\"service\" is missing", ""},
    {"Device", document("Binding", R"({"domain": "a", "service": "b", "device": "../etc"})"),
     "/spec/device", R"("device": "../etc" is not a name)", ""},
};

}  // namespace vs::test
