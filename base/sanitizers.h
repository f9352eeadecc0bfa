// Which sanitizer this is compiled for: VS_ADDRESS_SANITIZER and VS_THREAD_SANITIZER are 1 or 0. gcc says it by macros, clang by features.
#pragma once

#ifdef __has_feature
#define VS_HAS_FEATURE(feature) __has_feature(feature)
#else
#define VS_HAS_FEATURE(feature) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || VS_HAS_FEATURE(address_sanitizer)
#define VS_ADDRESS_SANITIZER 1
#else
#define VS_ADDRESS_SANITIZER 0
#endif

#if defined(__SANITIZE_THREAD__) || VS_HAS_FEATURE(thread_sanitizer)
#define VS_THREAD_SANITIZER 1
#else
#define VS_THREAD_SANITIZER 0
#endif
