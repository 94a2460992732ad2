# unmask in a container. For the CPU, and the same with the CUDA build of torch:
#
#   docker build -t unmask .
#   docker build -t unmask:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128 .
#
# The web page on http://127.0.0.1:8000/, and a picture in the current folder:
#
#   docker run --rm -p 127.0.0.1:8000:8000 unmask
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/pictures" unmask run photo.jpg -o out
#
# With a GPU, add `--gpus all` before the image's name. The CUDA libraries come with torch, so only
# the driver and NVIDIA's container toolkit must be on the host.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV VIRTUAL_ENV=/opt/unmask \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv "$VIRTUAL_ENV"
ENV PATH=$VIRTUAL_ENV/bin:$PATH
WORKDIR /source

# Libraries first: this layer is rebuilt only when pyproject.toml changes.
COPY pyproject.toml ./
RUN python -c "import tomllib; \
project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
extras = project['optional-dependencies']; \
print(*project['dependencies'], *extras['serve'], *extras['video'], sep='\n')" > libraries.txt && \
    grep '^torch' libraries.txt > torch.txt && \
    pip install --index-url "$TORCH_INDEX" -r torch.txt && \
    pip install -r libraries.txt
# The image has no libGL, which the default OpenCV build needs.
RUN version=$(python -c "from importlib.metadata import version; print(version('opencv-python'))") && \
    pip uninstall --yes opencv-python && \
    pip install --no-deps "opencv-python-headless==$version"

COPY README.md LICENSE ./
COPY weights ./weights
COPY detector ./detector
COPY inpainter ./inpainter
COPY pipeline ./pipeline
RUN pip install --no-deps .

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="unmask" \
      org.opencontainers.image.description="Takes the face mask off the person in a photo" \
      org.opencontainers.image.licenses="AGPL-3.0-or-later"
COPY --from=build /opt/unmask /opt/unmask
# Every user may write to this home folder, so `--user` works with any number.
ENV PATH=/opt/unmask/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /pictures
USER 1000:1000
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=8)"]
ENTRYPOINT ["unmask"]
CMD ["serve", "--host", "0.0.0.0"]
