# Third-party sources at a pinned commit: from a folder that the user names, else from GitHub.
include_guard(GLOBAL)
include(FetchContent)

# pinned_source(<NAME> <owner/repository> <commit> <file>)
#
# Sets <NAME>_SOURCE_DIR in the caller's scope to a folder that holds <file>. A -D<NAME>_SOURCE_DIR=... wins, then the
# environment variable of that name; otherwise FetchContent brings the commit's archive. Where that does not work,
# <NAME>_REFUSAL tells why and <NAME>_REMEDY what to do (both empty on success): the caller may know a way round.
function(pinned_source name repository commit file)
  string(TOLOWER ${name} content)
  set(refusal "")
  if(NOT ${name}_SOURCE_DIR)
    set(${name}_SOURCE_DIR $ENV{${name}_SOURCE_DIR})
  endif()

  if(${name}_SOURCE_DIR)
    get_filename_component(directory "${${name}_SOURCE_DIR}" ABSOLUTE BASE_DIR "${CMAKE_SOURCE_DIR}")
  else()
    FetchContent_Declare(${content}
      URL https://github.com/${repository}/archive/${commit}.tar.gz
      DOWNLOAD_EXTRACT_TIMESTAMP FALSE
      SOURCE_SUBDIR no-cmake-project)  # its files are wanted, not its targets
    set(directory ${FETCHCONTENT_BASE_DIR}/${content}-src)
    _probe(refusal ${name} ${repository} ${commit} ${directory} ${file})
    if(NOT refusal)
      FetchContent_MakeAvailable(${content})
      set(directory ${${content}_SOURCE_DIR})
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
  file(DOWNLOAD https://github.com/${repository}/raw/${commit}/${file} STATUS status INACTIVITY_TIMEOUT 20 TIMEOUT 60)
  list(GET status 0 code)
  list(GET status 1 text)
  if(NOT code EQUAL 0)
    string(REPLACE "\"" "" text "${text}")
    set(${result} "github.com/${repository} can't be reached (${text})" PARENT_SCOPE)
  endif()
endfunction()
