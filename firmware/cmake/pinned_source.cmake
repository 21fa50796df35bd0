# Third-party sources at a pinned commit: from a folder that the user names, else from GitHub.
include_guard(GLOBAL)
include(FetchContent)

set(PINNED_SOURCE_KINDS c cc cpp h hpp S fbs)

# Where archives come from; a mirror within a company has the same paths.
set(PINNED_SOURCES_FROM "https://github.com" CACHE STRING "Where archives of pinned sources are downloaded")
mark_as_advanced(PINNED_SOURCES_FROM)

# pinned_source(<NAME> <owner/repository> <commit> <file> <digest>)
#
# Sets <NAME>_SOURCE_DIR in the caller's scope to a folder that holds <file>. A -D<NAME>_SOURCE_DIR=... wins, then the
# environment variable of that name; otherwise FetchContent brings the commit's archive, whose sources must have
# <digest>, as _digest() below computes it. Where that does not work, <NAME>_REFUSAL tells why and <NAME>_REMEDY what to
# do (both empty on success): the caller may know a way round.
function(pinned_source name repository commit file digest)
  string(TOLOWER ${name} content)
  set(refusal "")
  if(NOT ${name}_SOURCE_DIR)
    set(${name}_SOURCE_DIR $ENV{${name}_SOURCE_DIR})
  endif()

  if(${name}_SOURCE_DIR)
    get_filename_component(directory "${${name}_SOURCE_DIR}" ABSOLUTE BASE_DIR "${CMAKE_SOURCE_DIR}")
  else()
    FetchContent_Declare(${content}
      URL ${PINNED_SOURCES_FROM}/${repository}/archive/${commit}.tar.gz
      TLS_VERIFY TRUE
      DOWNLOAD_EXTRACT_TIMESTAMP FALSE
      SOURCE_SUBDIR no-cmake-project)  # its files are wanted, not its targets
    set(directory ${FETCHCONTENT_BASE_DIR}/${content}-src)
    _probe(refusal ${name} ${repository} ${commit} ${directory} ${file})
    if(NOT refusal)
      FetchContent_MakeAvailable(${content})
      set(directory ${${content}_SOURCE_DIR})
      _digest(found ${directory})
      if(NOT FETCHCONTENT_SOURCE_DIR_${name} AND NOT found STREQUAL digest)
        set(refusal "what was downloaded of github.com/${repository} is not ${commit} (SHA-256 ${found})")
      endif()
    endif()
  endif()
  if(NOT refusal AND NOT EXISTS ${directory}/${file})
    set(refusal "${directory} holds no ${file}")
  endif()

  set(${name}_SOURCE_DIR ${directory} PARENT_SCOPE)
  set(${name}_REFUSAL "${refusal}" PARENT_SCOPE)
  set(remedy "")
  if(refusal)
    set(remedy "Set the environment variable ${name}_SOURCE_DIR to a checkout of github.com/${repository} at ${commit}.")
  endif()
  set(${name}_REMEDY "${remedy}" PARENT_SCOPE)
endfunction()

# Sets <result> to the reason where FetchContent would have to download and can't: a download that fails inside of it
# ends the configure run with pages of log.
function(_probe result name repository commit directory file)
  set(${result} "" PARENT_SCOPE)
  if(FETCHCONTENT_SOURCE_DIR_${name} OR FETCHCONTENT_FULLY_DISCONNECTED OR EXISTS ${directory}/${file})
    return()
  endif()
  file(DOWNLOAD ${PINNED_SOURCES_FROM}/${repository}/raw/${commit}/${file} STATUS status TLS_VERIFY ON
    INACTIVITY_TIMEOUT 20 TIMEOUT 60)
  list(GET status 0 code)
  list(GET status 1 text)
  if(NOT code EQUAL 0)
    string(REPLACE "\"" "" text "${text}")
    set(${result} "github.com/${repository} can't be reached (${text})" PARENT_SCOPE)
  endif()
endfunction()

# Sets <result> to a SHA-256 over the names and SHA-256s of all sources below <directory>. Not the archive's own: its
# host compresses anew when it likes.
function(_digest result directory)
  list(TRANSFORM PINNED_SOURCE_KINDS PREPEND "${directory}/*." OUTPUT_VARIABLE patterns)
  file(GLOB_RECURSE files RELATIVE ${directory} LIST_DIRECTORIES FALSE ${patterns})
  list(SORT files COMPARE STRING)
  set(told "")
  foreach(file IN LISTS files)
    file(SHA256 ${directory}/${file} digest)
    string(APPEND told "${digest} ${file}\n")
  endforeach()
  string(SHA256 digest "${told}")
  set(${result} ${digest} PARENT_SCOPE)
endfunction()
